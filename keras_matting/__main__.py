"""Entry point of `python -m keras_matting`, which is `keras-matting`."""

from keras_matting.commands import main

if __name__ == "__main__":
    main()
