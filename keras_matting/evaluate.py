"""Entry point of `python -m keras_matting.evaluate`; see `keras_matting.commands.evaluate`."""

from keras_matting.commands import evaluate, start

if __name__ == "__main__":
    start(evaluate)
