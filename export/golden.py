"""Golden vectors: what other runtimes, such as a phone's, must compute with a .tflite file.

`export.parity --golden DIR` writes into DIR

    golden.json             {"files": [file]}, see below
    <input>_<digest>.bin    an input tensor, little-endian, as it goes into the file
    keras_<digest>.bin      Keras' alpha, float32; LiteRT's where a trimap is known, since networks
                            may give anything there
    litert_<digest>.bin     LiteRT's alpha on this machine, float32

A file is {"file", "format", "inputs": {name: {"dtype", "shape"}}, "alpha": {"dtype", "shape"},
"samples": [{"name", "inputs": {name: vector}, "references": {"keras": vector, "litert": vector}}],
"limits": {"keras": [number, limit], "litert": [number, limit]}}, where a vector is a file's name
and a number one of max_difference, mean_difference and p999, over one sample's alpha. An integer
alpha is stretched to [0, 1] before it is compared, as `keras_matting.inference` does it. Equal
vectors, such as one picture for two int8 files, are one file.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from export.interpreters import load
from export.promises import BETWEEN_RUNTIMES
from keras_matting.atomic import write_text

INDEX = "golden.json"


def write(folder, files, samples):
    """Write vectors and their index; those of an earlier run are removed, other files stay.

    `files`: (path, format, Keras model, (number, limit) against it). `samples` as in
    `export.samples`, with all inputs of the signatures. The index is written last and atomically,
    so that a folder with an index is complete. FileNotFoundError and ValueError name a bad file.
    """
    write_each(folder, [(file, samples) for file in files])


def write_each(folder, files):
    """Write like `write`, from (file, its samples): files of several sizes go into one folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    for old in folder.glob("*_" + 16 * "[0-9a-f]" + ".bin"):
        old.unlink()
    index = {"files": [_write_file(folder, *file, samples) for file, samples in files]}
    write_text(folder / INDEX, json.dumps(index, indent=1) + "\n")


def _write_file(folder, path, format, model, limit, samples):
    exported, written = load(path), []
    for sample in samples:
        exported.set_inputs(sample)
        vectors = {}
        for name, details in exported.inputs.items():
            tensor = exported.interpreter.get_tensor(details["index"])
            vectors[name] = _vector(folder, name, tensor)
        batch = {name: sample[name][None] for name in exported.inputs}
        litert, keras = exported(batch)["alpha"], model(batch, training=False)["alpha"].numpy()
        alphas = {"keras": _where_unknown(batch, keras, litert), "litert": litert}
        references = {
            name: _vector(folder, name, alpha.astype(np.float32)) for name, alpha in alphas.items()
        }
        written.append({"name": sample["name"], "inputs": vectors, "references": references})
    return {
        "file": Path(path).name,
        "format": format,
        "inputs": {name: _tensor(details) for name, details in exported.inputs.items()},
        "alpha": _tensor(exported.outputs["alpha"]),
        "samples": written,
        "limits": {"keras": limit, "litert": BETWEEN_RUNTIMES[format]},
    }


def _where_unknown(batch, alpha, elsewhere):
    if "trimap" not in batch:
        return alpha
    return np.where(np.abs(batch["trimap"] - 0.5) < 0.25, alpha, elsewhere)


def _tensor(details):
    shape = [int(side) for side in details["shape"]]
    return {"dtype": np.dtype(details["dtype"]).name, "shape": shape}


def _vector(folder, name, tensor):
    data = tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
    file = f"{name}_{hashlib.sha256(data).hexdigest()[:16]}.bin"
    (folder / file).write_bytes(data)
    return file
