"""Keras 2 for tests that import TensorFlow first, and the order of the tests."""

import keras_matting  # noqa: F401

LONGEST = ("recipes", "export")


def pytest_collection_modifyitems(items):
    """The longest first, so that neither of two processes waits for the other at the end."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)
