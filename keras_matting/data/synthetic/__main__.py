"""Run `keras_matting.commands.synthetic`, as `python -m keras_matting.data.synthetic`."""

from keras_matting.commands import start, synthetic

if __name__ == "__main__":
    start(synthetic)
