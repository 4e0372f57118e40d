"""Entry point of `python -m keras_matting.weights`; see `keras_matting.commands.weights`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main("weights")
