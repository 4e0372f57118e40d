"""Entry point of `python -m keras_matting.video`; see `keras_matting.commands.video`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main("video")
