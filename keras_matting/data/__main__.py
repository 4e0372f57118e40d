"""Entry point of `python -m keras_matting.data`; see `keras_matting.commands.data`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main("data")
