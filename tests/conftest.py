"""The order of the tests, and what tests of several folders share."""

import functools
import gc

import pytest

LONGEST = ("recipes", "export")


def pytest_collection_modifyitems(items):
    """The longest first, so that neither of two processes waits for the other at the end."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def pytest_collection_finish():
    """Collect garbage less often, and never look through TensorFlow's modules for it.

    Building and tracing networks allocates millions of objects, nearly all of which stay.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(scope="module")
def cached_model():
    """`create_model` that builds a network once per module; a test sets the weights that it needs.

    Arguments have to be spelt alike to find the same network.
    """
    from keras_matting.models import create_model

    return functools.cache(create_model)
