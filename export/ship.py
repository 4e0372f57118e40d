r"""Put a trained network into keras_matting/pretrained: weights, .tflite files, their checksums.

    python -m export.ship portrait --task "people, no other input" \
        --model modnet_mobilenetv2_mobile --option branch_width=0.5 \
        --weights runs/portrait/best.weights.h5 --qat_weights runs/int8/best.weights.h5 \
        --files float16:512,int8:256,int8:512

Kernels are stored in half precision, vectors (biases, norms) in single precision. Each .tflite file
is checked against Keras like those of `export.convert`. int8 files are from quantization-aware
training (--qat_weights), or calibrated on photographs (--images); XNNPACK and TFLite's own kernels
have to agree on them, since phones have either. int8_float_ends:512 has float32 inputs and outputs,
for the browser, and needs --qat_weights.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from absl import flags

from export import network
from export.convert import export, representative_inputs
from export.promises import kernels_differ
from keras_matting import pretrained, weights_files
from keras_matting.atomic import replacing, write_text
from keras_matting.commands import start
from keras_matting.models import create_model, without_heads

LARGEST_FILE = 12e6  # bytes
# the formats that --files names, as `export.convert` makes them of quantization-aware weights
QUANTISED = {"int8": "int8_qat", "int8_float_ends": "int8_float_ends"}


def halved(source, target):
    """Copy a .weights.h5 file, storing arrays of two and more dimensions in half precision."""
    with h5py.File(source, locking=False) as old, h5py.File(target, "w", locking=False) as new:
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
    try:
        if len(argv) != 2:
            raise ValueError("specify one NAME; see --help for an example")
        _ship(argv[1], flags.FLAGS)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def _ship(name, options):
    wanted, folder = _wanted(options.files), pretrained.FOLDER
    if not options.qat_weights and any(kind == "int8_float_ends" for kind, _ in wanted):
        raise ValueError("int8_float_ends needs --qat_weights; train them with --quantize")
    chosen = network.model_options(options)
    weights, tflite = f"{name}.weights.h5", {}
    model = create_model(options.model, (None, None, 3), True, options.weights, **chosen)
    with tempfile.TemporaryDirectory() as out:
        half = Path(out, weights)
        halved(options.weights, half)
        weights_files.mark(half, model)
        made = {weights: half}
        for kind, size in wanted:
            heads = create_model(options.model, (size, size, 3), True, **chosen)
            network.loaded(heads, half)
            model, format = without_heads(heads), kind
            if kind in QUANTISED and options.qat_weights:
                model, format = network.quantized(heads, options.qat_weights), QUANTISED[kind]
            inputs = representative_inputs(model.input, size, size, options.images)
            few = {key: values[:4] for key, values in inputs.items()}
            file = f"{name}_{size}x{size}_{kind}.tflite"
            made[file] = export(model, format, out, few, inputs)
            if format == "int8":  # the formats of quantization-aware weights are already checked
                _check_kernels(file, made[file].read_bytes(), few)
            tflite.setdefault(kind, {})[size] = file
        for file, path in made.items():  # only after all of them have passed
            _install(path, folder / file)
    row = dict(task=options.task, variant=options.model, options=chosen, inputs=list(inputs))
    row |= dict(weights=weights, tflite=tflite)
    _record(name, row, list(made))


def _check_kernels(file, data, inputs):
    if differ := kernels_differ(data, "int8", inputs):
        raise ValueError(f"{file} does not ship because {differ[0]}; specify --qat_weights")


def _wanted(files):
    """Split ["int8:256"] into [("int8", 256)], smallest size first."""
    wanted = [(kind, int(size)) for kind, _, size in (file.partition(":") for file in files)]
    if unknown := {kind for kind, _ in wanted} - {"float16", *QUANTISED}:
        raise ValueError(f"--files has unknown formats: {', '.join(unknown)}")
    return sorted(wanted, key=lambda file: file[1])


def _install(made, path):
    size = made.stat().st_size
    if size > LARGEST_FILE:
        raise ValueError(f"{path.name} has {size / 1e6:.1f} MB; at most 12 may ship")
    with replacing(path) as temporary:
        shutil.copyfile(made, temporary)
    print(f"{path.name}  {size / 1e6:.2f} MB", flush=True)


def _record(name, row, files):
    """Add the network to networks.json and drop the checksums of files that none uses any more."""
    table = pretrained.FOLDER / "networks.json"
    content = json.loads(table.read_text()) if table.exists() else {"networks": {}, "sha256": {}}
    content["networks"][name] = row
    used = {other["weights"] for other in content["networks"].values()}
    for other in content["networks"].values():
        used |= {file for sizes in other["tflite"].values() for file in sizes.values()}
    for file in files:
        data = (pretrained.FOLDER / file).read_bytes()
        content["sha256"][file] = hashlib.sha256(data).hexdigest()
    content["sha256"] = {file: content["sha256"][file] for file in sorted(used)}
    write_text(table, json.dumps(content, indent=1) + "\n")


def define_flags():
    network.define_flags()
    flags.adopt_module_key_flags(network)  # so that --help lists them
    flags.DEFINE_string("task", None, "What the network is for, in a few words.", required=True)
    flags.DEFINE_string("qat_weights", None, "Quantization-aware weights, for integer files.")
    flags.DEFINE_string("images", None, "Folder of photographs to calibrate with.")
    flags.DEFINE_list("files", ["float16:512", "int8:512"], "FORMAT:SIDE of each .tflite file.")


if __name__ == "__main__":
    start(sys.modules[__name__])
