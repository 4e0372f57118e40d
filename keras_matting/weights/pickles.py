"""Read pickled arrays without running code from the pickle.

A pickle is a program that may call anything it can name. Here, the few names that tensors need map
to functions and types of this file, which only record their arguments. All other names are refused,
and nothing that the pickle names is imported or called.
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
# limit on nested objects, counted with repetition: a hundred bytes of tuples that hold the previous
# one twice would keep Python busy for hours, without a way to interrupt it
LARGEST_COUNT = 10**7


class Refused(ValueError):
    """Raised for content that tensors do not need; the message names it."""


class Stateless:
    """Base of types that a pickle must not modify, even by setting their state."""

    __slots__ = ()

    def __setstate__(self, state):
        raise Refused(f"an attempt to modify a {type(self).__name__.lower()}")


@dataclass(frozen=True)
class Kind(Stateless):
    """The element type of a storage, or "untyped"."""

    dtype: str


@dataclass(frozen=True)
class Name(Stateless):
    """Stands for a known name in a pickle, which may only call it."""

    function: Callable

    def __call__(self, *arguments):
        return self.function(*arguments)


@dataclass(frozen=True)
class Storage(Stateless):
    """`count` elements stored in the file under `key`."""

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
        """Copy this tensor from its storage's `elements` (count,)."""
        size = elements.itemsize
        strides = [size * stride for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, strides)
        return as_float32(view.copy()) if self.storage.dtype == "bfloat16" else view.copy()


@dataclass
class Array:
    """A NumPy array under construction; `state` brings its bytes."""

    state: tuple = field(default=())

    def __setstate__(self, state):
        self.state = state

    def array(self) -> np.ndarray:
        """Return the array; raises Refused if shape, type and bytes do not match."""
        try:
            _, shape, dtype, fortran, data = self.state
            shape, count = _sizes(shape), int(np.prod(_sizes(shape), dtype=object))
            dtype = dtype.numpy()
        except Refused:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise Refused("an array without a plain shape and type") from error
        if not isinstance(data, bytes) or count * dtype.itemsize != len(data):
            raise Refused(f"an array whose shape {shape} does not match its size")
        order = "F" if fortran else "C"
        return np.frombuffer(data, dtype).reshape(shape, order=order)


@dataclass
class DType:
    """A NumPy type under construction; `state` brings its byte order."""

    code: str
    order: str = "<"

    def __setstate__(self, state):
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 else "?"

    def numpy(self):
        if self.code not in set(DTYPES.values()) - {"bfloat16"} or self.order not in "<>|=":
            raise Refused(f"an array of type {self.code!r}")
        return np.dtype(self.code).newbyteorder(self.order)


class Dictionary(dict):
    """An OrderedDict whose attributes are discarded."""

    def __setstate__(self, state):
        pass


def as_float32(bits) -> np.ndarray:
    """Convert bfloat16, given as uint16, to float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def load(stream, storage=None):
    """Load the pickle at the stream's position and move the position behind it.

    `storage` turns a persistent id into a `Storage`; without it, such ids are refused. Raises
    Refused for content that tensors do not need, and EOFError, pickle.UnpicklingError and others
    for damaged data.
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
            raise Refused("a reference to data outside the pickle")
        return self.storage(identifier)


def _scan(stream):
    """Check the pickle's operations without executing them; refuse what no checkpoint needs."""
    stack, memo = [], {}  # the nested size of every object; None is a mark
    for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
        name = operation.name
        if name in FORBIDDEN:
            raise Refused(f"the operation {name}")
        if name in PUT and argument > count + 1:
            raise Refused("a memo of many gigabytes")
        size = 1 + memo[argument] if name in GET else 1 + _taken(stack, operation)
        if size > LARGEST_COUNT:
            raise Refused("an object with millions of nested objects")
        stack += [
            None if after is pickletools.markobject else size for after in operation.stack_after
        ]
        if name in PUT or name == "MEMOIZE":
            memo[len(memo) if name == "MEMOIZE" else int(argument)] = stack[-1]


def _taken(stack, operation):
    """Return the total nested size of the objects that the operation takes from the stack."""
    taken = 0
    for wanted in reversed(operation.stack_before):
        if wanted is pickletools.stackslice:
            while (size := stack.pop()) is not None:
                taken += size
        elif wanted is not pickletools.markobject:
            taken += stack.pop() or 0
    return taken


def storage_of(identifier) -> Storage:
    """Convert PyTorch's persistent id ("storage", kind, key, location, count, ...) to a Storage."""
    if not isinstance(identifier, tuple) or len(identifier) < 5 or identifier[0] != "storage":
        raise Refused("a persistent id that is not a storage")
    _, kind, key, _, count = identifier[:5]
    if len(identifier) > 5 and identifier[5] is not None:
        raise Refused("a view of a storage, as written by PyTorch before 0.4")
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
        raise Refused("a tensor with an invalid shape")
    count = int(np.prod(shape, dtype=object))
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count > storage.count or (count and last >= storage.count):
        raise Refused(f"a tensor of shape {shape} in a storage of {storage.count} elements")
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
        raise Refused("a shape that is not a short list")
    if not all(type(value) is int and value >= 0 for value in values):
        raise Refused("a shape with values that are not whole numbers")
    return tuple(values)


def _tuple(values=()):
    # `_scan` counted the list when the tuple was made, but the list may grow later
    if not isinstance(values, tuple | list) or any(isinstance(v, tuple) for v in values):
        raise Refused("a tuple of unsupported values")
    return tuple(values)


def _dictionary(items=()):
    if not isinstance(items, tuple | list | dict):
        raise Refused("a dictionary of unsupported values")
    return Dictionary(items)


def _encode(text, encoding="latin1"):
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("text in an unsupported encoding")
    return text.encode("latin1")


def _bytes():
    return b""


def _reconstruct(*_):
    return Array()


def _dtype(code, *_):
    if not isinstance(code, str):
        raise Refused("an unsupported NumPy type")
    return DType(code)


def _scalar(dtype, data=b""):
    if not isinstance(dtype, DType) or not isinstance(data, bytes):
        raise Refused("an unsupported NumPy scalar")
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
