"""Entry point of `python -m keras_matting.predict`; see `keras_matting.commands.predict`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main("predict")
