"""Collect what the page shows: networks that ship, golden vectors, a sample photograph.

    python web_demo/tools/data.py SMALL OUT REFERENCE

SMALL has small untrained files of every kind with golden vectors (android_demo/tools). OUT gets
networks.json, networks/ with golden vectors of its own, small/ and sample.png; REFERENCE gets
Python's alpha and colours of the sample, and of an enlarged one, and a film for the camera, to
test the page with.
"""

import json
import shutil
import sys
from pathlib import Path

import keras_matting  # noqa: F401  before TensorFlow, whose Keras and log level it sets

# isort: split
import cv2
import numpy as np
import skimage

from export import golden
from export.promises import reference_limit
from export.samples import photographs
from keras_matting import pretrained
from keras_matting.image_files import read_photograph
from keras_matting.inference import foreground_colours, load_tflite, predict_alpha
from keras_matting.models import create_model

NETWORKS = ["portrait"]
FORMATS = ["int8_float_ends", "float16"]  # what browsers run, the best first
SAMPLE = Path(skimage.__path__[0]) / "data/astronaut.png"  # by NASA, in the public domain
LARGE = (1100, 1100)  # more than twice a network's size, so that edges are refined


def main(small, out, reference):
    out, reference = Path(out), Path(reference)
    for folder in (out, reference):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    shutil.copyfile(SAMPLE, out / "sample.png")
    _copy_golden(Path(small), out / "small")
    networks = [_network(name, out / "networks") for name in NETWORKS]
    index = {"networks": networks, "golden": ["networks/", "small/"], "sample": "sample.png"}
    (out / "networks.json").write_text(json.dumps(index, indent=1))
    _write_reference(out / "networks" / networks[0]["file"], reference)


def _copy_golden(source, target):
    target.mkdir()
    for path in source.iterdir():
        if path.name == golden.INDEX or path.suffix in (".tflite", ".bin"):
            if not path.name.endswith(".alpha.bin") and path.name != "photograph.bin":
                shutil.copyfile(path, target / path.name)


def _network(name, folder):
    """Copy a network's file for browsers with golden vectors of it; return its row."""
    network = pretrained.networks()[name]
    format = next(format for format in FORMATS if format in network["tflite"])
    path = pretrained.tflite_file(name, format)
    folder.mkdir(exist_ok=True)
    shutil.copyfile(path, folder / path.name)
    side = int(list(network["tflite"][format])[-1])
    weights = pretrained.weights_file(network)
    model = create_model(network["variant"], (side, side, 3), weights=weights, **network["options"])
    # the quantization-aware weights do not ship, so integers are compared with float ones
    limit = reference_limit("int8" if format == "int8_float_ends" else format)
    golden.write(folder, [(path, format, model, limit)], photographs(side, side)[:1])
    return {"name": name, "task": network["task"], "file": path.name}


def _write_reference(path, folder):
    model, image = load_tflite(path), read_photograph(SAMPLE)
    pictures = {"sample": image, "large": cv2.resize(image, LARGE, interpolation=cv2.INTER_CUBIC)}
    for name, picture in pictures.items():
        alpha = predict_alpha(model, picture)
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1])
        (folder / f"{name}.alpha.bin").write_bytes(alpha.astype("<f4").tobytes())
        colours = foreground_colours(picture, alpha)
        (folder / f"{name}.colours.bin").write_bytes(np.ascontiguousarray(colours).tobytes())
    frames = _film(image)
    encoded = [cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes() for frame in frames]
    (folder / "camera.mjpeg").write_bytes(b"".join(encoded))  # as Chromium's fake camera reads it


def _film(image):
    """Return frames of a person who moves a little."""
    lefts = (8 + round(6 * np.sin(i / 20 * 2 * np.pi)) for i in range(20))
    return [np.ascontiguousarray(image[:372, left : left + 496]) for left in lefts]


if __name__ == "__main__":
    main(*sys.argv[1:])
