"""Copy the .tflite files that ship with the package for the app, with golden vectors.

    python android_demo/tools/shipped_files.py OUT

The golden vectors are of scikit-image's astronaut, or of a synthetic composite for networks with
further inputs. For files with no other input, OUT/<file>.photograph.bin is the astronaut, RGB, as
wide as the network's input and three quarters as high, and OUT/<file>.alpha.bin its alpha from
`keras_matting.inference`. It is not resized there, which Python does in float and the app in bytes.
"""

import shutil
import sys
from pathlib import Path

import keras_matting  # noqa: F401  before TensorFlow, whose Keras and log level it sets

# isort: split
import cv2
from skimage import data

from export import golden
from export.promises import reference_limit
from export.samples import photographs, synthetic
from keras_matting.inference import load_tflite, predict_alpha
from keras_matting.models import create_model
from keras_matting.pretrained import FOLDER, networks, tflite_file


def write(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(FOLDER / "networks.json", folder / "networks.json")
    files = []
    for name, network in networks().items():
        is_alone = network["inputs"] == ["image"]
        for format, sizes in network["tflite"].items():
            for side in map(int, sizes):
                path = folder / tflite_file(name, format, side).name
                shutil.copyfile(tflite_file(name, format, side), path)
                if is_alone:
                    _write_photograph(path, side)
                shape, weights = (side, side, 3), f"pretrained:{name}"
                model = create_model(network["variant"], shape, weights=weights)
                sample = photographs(side, side)[0] if is_alone else synthetic(side, side, 1)[0]
                files.append(((path, format, model, reference_limit(format)), [sample]))
    golden.write_each(folder, files)


def _write_photograph(path, side):
    height, size = 3 * side // 4, (side, side)
    image = cv2.resize(data.astronaut(), size, interpolation=cv2.INTER_AREA)[:height].copy()
    path.with_suffix(".photograph.bin").write_bytes(image.tobytes())
    alpha = predict_alpha(load_tflite(path, threads=1), image)
    path.with_suffix(".alpha.bin").write_bytes(alpha.astype("<f4").tobytes())


if __name__ == "__main__":
    write(sys.argv[1])
