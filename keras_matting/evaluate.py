"""Entry point of `python -m keras_matting.evaluate`; see `keras_matting.commands.evaluate`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main("evaluate")
