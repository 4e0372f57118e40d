"""Run `keras_matting.commands.synthetic`, as `python -m keras_matting.data.synthetic`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main("data", "synthetic")
