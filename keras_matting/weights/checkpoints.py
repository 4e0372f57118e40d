"""Read checkpoint files of PyTorch, Paddle, safetensors and NumPy.

Needs neither PyTorch nor Paddle, and a file cannot run code (see `pickles`).
"""

import zipfile
from pathlib import Path

import numpy as np

from keras_matting.weights import pickles, safetensors, torch_files
from keras_matting.weights.pickles import Array, Refused, as_float32

# keys under which training scripts save the network's tensors
WRAPPERS = ("state_dict", "model_state_dict", "model", "params", "network", "net", "weights")
# np.savez_compressed shrinks weights by a tenth; a ratio of 100 is a zip bomb
LARGEST_RATIO = 100
NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
BIG = "UnpackBigParamInfor@@"  # Paddle's list of arrays that it split


def read(path) -> dict:
    """Read {name: array} from a .pth, .ckpt, .pt, .pdparams, .safetensors or .npz file.

    The format is detected by content, not by suffix. Raises FileNotFoundError if there is no such
    file, and ValueError, with a one-line message, if it is damaged, encrypted, of another format,
    or contains anything other than tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint not found: {path}")
    try:
        return _tensors(_reader(path)(path))
    except Refused as error:
        raise ValueError(
            f"{path} was not read because it contains {_line(error)}; save only the network's "
            "tensors (state_dict) and try again"
        ) from error
    except MemoryError:
        raise ValueError(f"not enough memory to read {path}") from None
    except PermissionError:
        raise ValueError(f"no permission to read {path}; change its permissions") from None
    except Exception as error:  # zlib, tokenize, struct and others define their own exceptions
        raise ValueError(
            f"{path} is damaged or incomplete ({type(error).__name__}); download it again"
        ) from error


def _line(error):
    """Return the message on one short line: names in hostile files may be very long."""
    return " ".join(str(error).split())[:300]


def _reader(path):
    with open(path, "rb") as stream:
        head = stream.read(512)
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            arrays = any(name.endswith(".npy") for name in archive.namelist())
        return _read_npz if arrays else torch_files.read_zip
    if head.startswith(torch_files.MAGIC_PICKLE):
        return torch_files.read_legacy
    if head[257:262] == b"ustar":
        raise Refused("a tar archive, as written by PyTorch before 0.2")
    if head[8:9] == b"{":
        return safetensors.read
    if head.startswith(b"\x80"):
        return _read_paddle
    kind = (
        "nothing" if not head else "no tensors in a format of PyTorch, Paddle, safetensors or NumPy"
    )
    if head.startswith(b"version https://git-lfs"):
        kind = "a git-lfs pointer instead of the file"
    elif head.lstrip()[:1] == b"<":
        kind = "a web page instead of the file"
    raise Refused(kind)


def _read_npz(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise Refused("encryption")
            if info.file_size > LARGEST_RATIO * info.compress_size + 2**20:
                raise Refused(f"{info.filename}, which unpacks to {info.file_size} bytes")
            with archive.open(info) as stream:
                version = np.lib.format.read_magic(stream)
                shape, _, dtype = NPY_HEADERS[version](stream)
            if dtype.hasobject:
                raise Refused(f"objects in {info.filename}")
            if int(np.prod(shape, dtype=object)) * dtype.itemsize > info.file_size:
                raise Refused(f"{info.filename}, whose shape {shape} does not match its size")
        # there may be many entries, and they may share their compressed bytes
        total = sum(info.file_size for info in archive.infolist())
        if total > LARGEST_RATIO * path.stat().st_size + 2**20:
            raise Refused(f"arrays that unpack to {total} bytes in total")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: value for name, value in arrays.items() if value.dtype.kind in "fiub"}


def _read_paddle(path):
    with open(path, "rb") as stream:
        found = pickles.load(stream)
    if not isinstance(found, dict):
        return found
    found = {
        key: {k: _paddle_array(v) for k, v in value.items()}
        if isinstance(value, dict) and key in WRAPPERS
        else _paddle_array(value)
        for key, value in found.items()
    }
    for name, parts in (found.pop(BIG, None) or {}).items():
        pieces = [found.pop(piece) for piece in parts["slices"]]
        found[name] = np.concatenate([p.ravel() for p in pieces]).reshape(parts["OriginShape"])
    return found


def _paddle_array(value):
    """Return the array that Paddle saved, alone or as (name, array); bfloat16 is saved as bits."""
    if isinstance(value, tuple) and len(value) == 2:
        value = value[1]
    value = value.array() if isinstance(value, Array) else value
    is_bfloat16 = isinstance(value, np.ndarray) and value.dtype == np.uint16
    return as_float32(value) if is_bfloat16 else value


def _tensors(found):
    """Find the mapping of arrays in what a training script saved."""
    if isinstance(found, dict):
        # there may be other tensors outside the network, such as GCA's last loss
        wrapped = [found[key] for key in WRAPPERS if isinstance(found.get(key), dict)]
        found = next((value for value in wrapped if _has_arrays(value)), found)
    if isinstance(found, dict) and not _has_arrays(found):  # a mapping for each module
        modules = {key: value for key, value in found.items() if isinstance(value, dict)}
        flat = {f"{key}.{k}": v for key, value in modules.items() for k, v in value.items()}
        found = flat if _has_arrays(flat) else found
    if not isinstance(found, dict) or not _has_arrays(found):
        held = ", ".join(map(str, list(found)[:8])) if isinstance(found, dict) else "no mapping"
        raise Refused(f"no tensors at the expected keys (found: {held or 'nothing'})")
    return {
        name: value
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, np.ndarray)
    }


def _has_arrays(found):
    return any(isinstance(value, np.ndarray) for value in found.values())
