"""Entry point of `python -m keras_matting.data.synthetic`: `keras_matting.commands.synthetic`."""

from keras_matting.commands import start, synthetic

if __name__ == "__main__":
    start(synthetic)
