"""Training data: sources with random access, dict -> dict ops, endless deterministic streams."""

from keras_matting.data.pipeline import composition, training, unlabelled, validation
from keras_matting.data.source import Source

__all__ = ["Source", "composition", "training", "unlabelled", "validation"]
