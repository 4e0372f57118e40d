r"""Puts a trained network into keras_matting/pretrained: weights, .tflite files, their checksums.

    python -m export.ship portrait --task "people, no other input" \
        --model modnet_mobilenetv2_mobile --option branch_width=0.5 \
        --weights runs/portrait/best.weights.h5 --qat_weights runs/int8/best.weights.h5 \
        --files float16:512,int8:256,int8:512

Kernels are stored in half precision, vectors (biases, norms) in single. Each .tflite file has been
checked against Keras like those of `export.convert`. int8 files are from quantization-aware
training (--qat_weights), or calibrated on photographs (--images).
"""

import hashlib
import json
import shutil
import tempfile

import h5py
import numpy as np
from absl import app, flags

from export.convert import export, representative_inputs
from keras_matting import pretrained
from keras_matting.atomic import replacing
from keras_matting.commands import model_flags
from keras_matting.models import create_model, without_heads
from keras_matting.quantization.qat import load_quantized

FLAGS = flags.FLAGS
LARGEST_FILE = 12e6  # bytes


def halved(source, target):
    """Copies a .weights.h5 file with kernels, matrices and the like in half precision."""
    with h5py.File(source) as old, replacing(target) as temporary:
        with h5py.File(temporary, "w") as new:
            new.attrs.update(old.attrs)

            def copy(name, item):
                if isinstance(item, h5py.Group):
                    new.require_group(name).attrs.update(item.attrs)
                    return
                values = item[()]
                if np.ndim(values) < 2 or values.dtype != np.float32:
                    new.create_dataset(name, data=values).attrs.update(item.attrs)
                    return
                values = values.astype(np.float16)
                packed = dict(compression="gzip", compression_opts=9, shuffle=True)
                new.create_dataset(name, data=values, **packed).attrs.update(item.attrs)

            old.visititems(copy)


def main(argv):
    if len(argv) != 2 or not (FLAGS.model and FLAGS.weights and FLAGS.task):
        raise app.UsageError("Give NAME, --task, --model and --weights.")
    name, folder = argv[1], pretrained.FOLDER
    options = model_flags.model_options(FLAGS)
    files = [f"{name}.weights.h5"]
    halved(FLAGS.weights, folder / files[0])
    tflite = {}
    for kind, size in _wanted(FLAGS.files):
        heads = create_model(FLAGS.model, (size, size, 3), True, folder / files[0], **options)
        model, format = without_heads(heads), kind
        if kind == "int8" and FLAGS.qat_weights:
            model, format = load_quantized(heads, FLAGS.qat_weights), "int8_qat"
        inputs = representative_inputs(model.input, size, size, FLAGS.images)
        few = {key: values[:4] for key, values in inputs.items()}
        files.append(f"{name}_{size}x{size}_{kind}.tflite")
        tflite.setdefault(kind, {})[size] = files[-1]
        with tempfile.TemporaryDirectory() as out:
            _install(export(model, format, out, few, inputs), folder / files[-1])
    network = dict(task=FLAGS.task, variant=FLAGS.model, options=options, inputs=list(inputs))
    network |= dict(weights=files[0], tflite=tflite)
    _record(name, network, files)


def _wanted(files):
    """Split ["int8:256"] into [("int8", 256)], smallest size first."""
    wanted = [(kind, int(size)) for kind, _, size in (file.partition(":") for file in files)]
    if unknown := {kind for kind, _ in wanted} - {"float16", "int8"}:
        raise app.UsageError(f"--files: unknown format {', '.join(unknown)}")
    return sorted(wanted, key=lambda file: file[1])


def _install(made, path):
    size = made.stat().st_size
    if size > LARGEST_FILE:
        raise ValueError(f"{path.name} has {size / 1e6:.1f} MB; at most 12 may ship.")
    with replacing(path) as temporary:
        shutil.copyfile(made, temporary)
    print(f"{path.name}  {size / 1e6:.2f} MB", flush=True)


def _record(name, network, files):
    """Adds the network to networks.json and removes files that no network has any more."""
    table = pretrained.FOLDER / "networks.json"
    content = json.loads(table.read_text()) if table.exists() else {"networks": {}, "sha256": {}}
    content["networks"][name] = network
    used = {network["weights"] for network in content["networks"].values()}
    for other in content["networks"].values():
        used |= {file for sizes in other["tflite"].values() for file in sizes.values()}
    for file in files:
        data = (pretrained.FOLDER / file).read_bytes()
        content["sha256"][file] = hashlib.sha256(data).hexdigest()
    content["sha256"] = {file: content["sha256"][file] for file in sorted(used)}
    with replacing(table) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    model_flags.define_model_flags()
    flags.DEFINE_string("task", None, "What the network is for, in a few words.")
    flags.DEFINE_string("qat_weights", None, "Weights of quantization-aware training.")
    flags.DEFINE_string("images", None, "A folder of photographs to calibrate with.")
    flags.DEFINE_list("files", ["float16:512", "int8:512"], "FORMAT:SIDE of each .tflite file.")
    flags.FLAGS.set_gnu_getopt(True)
    app.run(main)
