"""Pickled arrays without running what a pickle asks for.

A pickle is a program: it may call anything it can name. Here the few names that tensors need stand
for functions and types of this file, which only take notes; every other name is refused. Nothing of
the pickle's own is ever imported or called.
"""

import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
DTYPES = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "bfloat16": "bfloat16",
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint8": "u1",
    "uint16": "u2",
    "bool": "b1",
}
FORBIDDEN = {"EXT1", "EXT2", "EXT4", "PERSID", "INST", "OBJ", "NEXT_BUFFER", "READONLY_BUFFER"}
PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
GET = {"GET", "BINGET", "LONG_BINGET"}
# objects in an object, each counted as often as it is met: tuples in tuples in tuples, each twice,
# make an hour's work of a hundred bytes, and Python cannot be interrupted in it
LARGEST_COUNT = 10**7


class Refused(ValueError):
    """Something in a pickle that tensors do not need; the message names it."""


class Stateless:
    """What a pickle may not alter: it would otherwise set attributes past all protection."""

    __slots__ = ()

    def __setstate__(self, state):
        raise Refused(f"an attempt to alter a {type(self).__name__.lower()}")


@dataclass(frozen=True)
class Kind(Stateless):
    """The element type of a storage, or none yet ("untyped")."""

    dtype: str


@dataclass(frozen=True)
class Name(Stateless):
    """What a pickle gets for a known name: it can be called, and nothing else."""

    function: Callable

    def __call__(self, *arguments):
        return self.function(*arguments)


@dataclass(frozen=True)
class Storage(Stateless):
    """`count` elements that the file holds under `key`."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True)
class Tensor(Stateless):
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    @property
    def count(self):
        return int(np.prod(self.shape, dtype=object))

    def array(self, elements) -> np.ndarray:
        """`elements` (count,) of the storage -> this tensor, a copy."""
        size = elements.itemsize
        strides = [size * stride for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, strides)
        return as_float32(view.copy()) if self.storage.dtype == "bfloat16" else view.copy()


@dataclass
class Array:
    """A NumPy array in the making: its bytes come as state."""

    state: tuple = field(default=())

    def __setstate__(self, state):
        self.state = state

    def array(self) -> np.ndarray:
        """ValueError where shape, type and bytes do not agree."""
        try:
            _, shape, dtype, fortran, data = self.state
            shape, count = _sizes(shape), int(np.prod(_sizes(shape), dtype=object))
            dtype = dtype.numpy()
        except Refused:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise Refused("an array without a plain shape and type") from error
        if not isinstance(data, bytes) or count * dtype.itemsize != len(data):
            raise Refused(f"an array whose shape {shape} does not fit its bytes")
        order = "F" if fortran else "C"
        return np.frombuffer(data, dtype).reshape(shape, order=order)


@dataclass
class DType:
    """A NumPy type in the making; its byte order comes as state."""

    code: str
    order: str = "<"

    def __setstate__(self, state):
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 else "?"

    def numpy(self):
        if self.code not in set(DTYPES.values()) - {"bfloat16"} or self.order not in "<>|=":
            raise Refused(f"an array of type {self.code!r}")
        return np.dtype(self.code).newbyteorder(self.order)


class Dictionary(dict):
    """An OrderedDict of which attributes are not wanted."""

    def __setstate__(self, state):
        pass


def as_float32(bits) -> np.ndarray:
    """bfloat16, as uint16 -> float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def load(stream, storage=None):
    """The object of the pickle at `stream`'s position (which then is behind it).

    `storage` makes a `Storage` of a persistent id; without it such ids are refused. Raises Refused
    naming what tensors do not need, and EOFError, pickle.UnpicklingError and others on damage.
    """
    start = stream.tell()
    _scan(stream)
    stream.seek(start)
    return _Unpickler(stream, storage).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream, storage):
        super().__init__(stream, encoding="latin1")
        self.storage = storage

    def find_class(self, module, name):
        module = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        found = _KNOWN.get(f"{module}.{name}")
        if found is None:
            raise Refused(f"{module}.{name}")
        return found if isinstance(found, Kind) else Name(found)

    def persistent_load(self, identifier):
        if self.storage is None:
            raise Refused("a reference to something outside of it")
        return self.storage(identifier)


def _scan(stream):
    """Reads the pickle's operations without doing them, and refuses what no checkpoint has."""
    stack, memo = [], {}  # of every object, how many are in it; None is a mark
    for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
        name = operation.name
        if name in FORBIDDEN:
            raise Refused(f"the operation {name}")
        if name in PUT and argument > count + 1:
            raise Refused("a memo of many gigabytes")
        size = 1 + memo[argument] if name in GET else 1 + _taken(stack, operation)
        if size > LARGEST_COUNT:
            raise Refused("an object that holds others millions of times")
        stack += [
            None if after is pickletools.markobject else size for after in operation.stack_after
        ]
        if name in PUT or name == "MEMOIZE":
            memo[len(memo) if name == "MEMOIZE" else int(argument)] = stack[-1]


def _taken(stack, operation):
    """How many objects are in those that the operation takes from the stack."""
    taken = 0
    for wanted in reversed(operation.stack_before):
        if wanted is pickletools.stackslice:
            while (size := stack.pop()) is not None:
                taken += size
        elif wanted is not pickletools.markobject:
            taken += stack.pop() or 0
    return taken


def storage_of(identifier) -> Storage:
    """PyTorch's persistent id ("storage", kind, key, location, count, ...) -> Storage."""
    if not isinstance(identifier, tuple) or len(identifier) < 5 or identifier[0] != "storage":
        raise Refused("a persistent id that is no storage")
    _, kind, key, _, count = identifier[:5]
    if len(identifier) > 5 and identifier[5] is not None:
        raise Refused("a view of a storage, which only PyTorch before 0.4 wrote")
    if not isinstance(kind, Kind) or not isinstance(count, int) or count < 0:
        raise Refused("a storage without type or size")
    if not isinstance(key, str):
        raise Refused(f"a storage named by a {type(key).__name__}")
    if not (key.isascii() and key.isdigit()):
        raise Refused(f"a storage named {key[:80]!r}")
    return Storage(key, kind.dtype, count)


def _tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, Storage) or storage.dtype == "untyped":
        raise Refused("a tensor without a storage")
    shape, strides = _sizes(shape), _sizes(strides)
    if len(shape) != len(strides) or not isinstance(offset, int) or offset < 0:
        raise Refused("a tensor of odd shape")
    count = int(np.prod(shape, dtype=object))
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count > storage.count or (count and last >= storage.count):
        raise Refused(f"a tensor of shape {shape} with {storage.count} elements stored")
    return Tensor(storage, offset, shape, strides)


def _tensor_v3(storage, offset, shape, strides, requires_grad, hooks, kind, *_):
    if not isinstance(storage, Storage) or not isinstance(kind, Kind):
        raise Refused("a tensor without a storage")
    size = 2 if kind.dtype == "bfloat16" else np.dtype(kind.dtype).itemsize
    typed = Storage(storage.key, kind.dtype, storage.count // size)
    return _tensor(typed, offset, shape, strides)


def _parameter(data, *_):
    return data


def _sizes(values) -> tuple:
    if not isinstance(values, tuple | list) or len(values) > 32:
        raise Refused("a shape that is no short list")
    if not all(type(value) is int and value >= 0 for value in values):
        raise Refused("a shape with other than whole numbers")
    return tuple(values)


def _tuple(values=()):
    # what it holds was counted when it was written, which a list may outgrow
    if not isinstance(values, tuple | list) or any(isinstance(v, tuple) for v in values):
        raise Refused("a tuple of something odd")
    return tuple(values)


def _dictionary(items=()):
    if not isinstance(items, tuple | list | dict):
        raise Refused("a dictionary of something odd")
    return Dictionary(items)


def _encode(text, encoding="latin1"):
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("an encoded text")
    return text.encode("latin1")


def _bytes():
    return b""


def _reconstruct(*_):
    return Array()


def _dtype(code, *_):
    if not isinstance(code, str):
        raise Refused("an odd type")
    return DType(code)


def _scalar(dtype, data=b""):
    if not isinstance(dtype, DType) or not isinstance(data, bytes):
        raise Refused("an odd number")
    return Array((1, (), dtype, False, data)).array()[()]


def _nothing(*_):
    return None


_KNOWN = {
    "collections.OrderedDict": _dictionary,
    "builtins.bytes": _bytes,
    "builtins.tuple": _tuple,
    "torch.Size": _tuple,
    "torch.device": _nothing,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.storage.UntypedStorage": Kind("untyped"),
    "torch.storage._UntypedStorage": Kind("untyped"),
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.ndarray": Kind("ndarray"),
    "numpy.dtype": _dtype,
    "_codecs.encode": _encode,
    **{f"torch.{name}": Kind(dtype) for name, dtype in STORAGES.items()},
    **{f"torch.cuda.{name}": Kind(dtype) for name, dtype in STORAGES.items()},
    **{f"torch.{name}": Kind(dtype) for name, dtype in DTYPES.items()},
}
