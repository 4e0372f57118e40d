"""Which tests are slow, their order, and what tests of several folders share."""

import functools
import gc
import os
import struct
from pathlib import Path

import pytest
from PIL import ImageCms

import keras_matting  # noqa: F401  before tests import TensorFlow, whose Keras it chooses

# the test processes share the processors already; read when TensorFlow starts
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# Not part of `make check`, which has to end in three minutes; the longest first.
SLOW = [
    "recipes/test_scaling.py",
    "recipes/test_methods.py",
    "recipes/test_modnet.py",
    "recipes/test_stages.py",
    "recipes/test_resume.py",
    "recipes/test_interruptions.py",
    "test_own_pictures.py",
    "models/test_registry.py",
    "export/test_mobile.py",
    "models/test_saving.py",
    "models/test_ppmatting.py",
    "models/test_gfm.py",
    "models/test_bgmv2.py",
    "export/test_zoo.py",
    "export/test_refining.py",
    "test_quickstart.py",
    "export/test_parity.py",
    "export/test_premix_upsampling.py",
    "weights/test_load_backbone.py",
    "quantization/test_quantizers.py",
    "data/test_refinement.py",
    "inference/test_tiles.py",
    "commands/test_weights_fetch.py",
    "recipes/test_float16.py",
    "recipes/test_quantized.py",
]


def pytest_collection_modifyitems(items):
    """Mark slow tests and put them first, so that no process waits for another at the end."""
    places = {path: place for place, path in enumerate(SLOW)}
    folder = Path(__file__).parent

    def place(item):
        return places.get(item.path.relative_to(folder).as_posix(), len(SLOW))

    items.sort(key=place)
    for item in items:
        if place(item) < len(SLOW):
            item.add_marker("slow")


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


@pytest.fixture(scope="session")
def wide_profile():
    """An ICC profile with wider primaries than sRGB, whose profile it is apart from them."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for i in range(struct.unpack_from(">I", data, 128)[0]):
        name, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * i)
        tags[name] = offset + 8
    adobe_rgb = {
        b"rXYZ": (0.6097, 0.3111, 0.0195),
        b"gXYZ": (0.2053, 0.6257, 0.0609),
        b"bXYZ": (0.1492, 0.0632, 0.7446),
    }
    for name, xyz in adobe_rgb.items():
        struct.pack_into(">3i", data, tags[name], *(round(65536 * x) for x in xyz))
    return bytes(data)
