"""LiteRT's own profiler, called in the C library of its Python package (release 2.3)."""

import ctypes
import struct
from contextlib import ExitStack
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import ai_edge_litert
import numpy as np

from keras_matting import native_messages

VERSION = "2.3"
# runtimes of `export.interpreters` that have a profiler: their kernel mode
KERNELS = {"litert": "delegate", "litert without XNNPACK": "builtin"}
OPERATOR, KERNEL = 2, 8  # types of events
_CPU, _FLOAT32, _WRITE = 1, 1, 1
# Two options, each a tag and an integer (2): look for the CPU only (24), log nothing (25).
_ENVIRONMENT = struct.pack("=iiqqiiqq", 24, 0, 2, _CPU, 25, 0, 2, 4)


class Event(NamedTuple):
    """A timed operator of TFLite or kernel of XNNPACK.

    `index` is the operator's position in the file, or the kernel's among those that run without
    interruption.
    """

    type: int
    name: str
    index: int
    microseconds: int


class _Event(ctypes.Structure):
    _fields_ = [
        ("tag", c_char_p),
        ("type", c_int),
        ("start", c_uint64),
        ("microseconds", c_uint64),
        ("memory", c_size_t * 6),
        ("index", c_uint64),  # of an operator in the file, of a kernel in its part of the network
        ("subgraph", c_uint64),
        ("source", c_int),
    ]


def record(data: bytes, threads: int, runs: int, runtime: str) -> list[list[Event]]:
    """Return the events of every run, after a warm-up run. Inputs are noise.

    Raises OSError if another version of LiteRT is installed, and ValueError if LiteRT refuses the
    file or the runtime is not in `KERNELS`.
    """
    if runtime not in KERNELS:
        raise ValueError(f"{runtime} has no profiler; choose one of {', '.join(KERNELS)}")
    library = _library()

    def call(name, *arguments):
        status = getattr(library, f"LiteRt{name}")(*arguments)
        if status:
            raise ValueError(f"not a .tflite file that LiteRT runs: LiteRt{name} returned {status}")

    def get(name, *arguments, into=c_void_p):
        result = into()
        call(name, *arguments, byref(result))
        return result

    def create(kind, *arguments, how=""):
        handle = get(f"Create{how or kind}", *arguments)
        owner.callback(getattr(library, f"LiteRtDestroy{kind}"), handle)
        return handle

    def buffers(side):
        """Return the number of inputs or outputs and buffers for them, filled with noise."""
        count, handles = get(f"GetNumSignature{side}s", signature, into=c_size_t), []
        for i in map(c_size_t, range(count.value)):
            tensor = get(f"GetSignature{side}TensorByIndex", signature, i)
            described = get("GetRankedTensorType", tensor, into=c_int * 18)  # the first: dtype
            needs = get(f"GetCompiledModel{side}BufferRequirements", compiled, first, i)
            how = "ManagedTensorBufferFromRequirements"
            buffer = create("TensorBuffer", environment, byref(described), needs, how=how)
            size = get("GetTensorBufferPackedSize", buffer, into=c_size_t).value
            floats = described[0] == _FLOAT32
            noise = rng.random(size // 4, np.float32).tobytes() if floats else rng.bytes(size)
            memory = c_void_p()
            call("LockTensorBuffer", buffer, byref(memory), _WRITE)
            ctypes.memmove(memory, noise, size)
            call("UnlockTensorBuffer", buffer)
            handles.append(buffer.value)
        return count, (c_void_p * count.value)(*handles)

    first, turns, rng = c_size_t(0), [], np.random.default_rng(0)
    payloads = {
        b"runtime_options_string": b"enable_profiling = true",
        b"xnnpack": f'kernel_mode = "{KERNELS[runtime]}"\nnum_threads = {threads}'.encode(),
    }
    with native_messages.hidden(2), ExitStack() as owner:
        environment = create("Environment", 2, _ENVIRONMENT)
        model = create("Model", environment, data, c_size_t(len(data)), how="ModelFromBuffer")
        options = create("Options")
        call("SetOptionsHardwareAccelerators", options, _CPU)
        for name, payload in payloads.items():
            call("AddOpaqueOptions", options, get("CreateOpaqueOptions", name, payload, _keep))
        compiled = create("CompiledModel", environment, model, options)
        signature = get("GetModelSignature", model, first)
        ends = *buffers("Input"), *buffers("Output")
        call("RunCompiledModel", compiled, first, *ends)
        profiler = get("CompiledModelGetProfiler", compiled)
        for _ in range(runs):
            call("StartProfiler", profiler)
            call("RunCompiledModel", compiled, first, *ends)
            call("StopProfiler", profiler)
            count = get("GetNumProfilerEvents", profiler, into=c_int)
            events = get("GetProfilerEvents", profiler, count, into=_Event * count.value)
            turns.append([
                Event(event.type, event.tag.decode(), event.index, event.microseconds)
                for event in events
                if event.type in (OPERATOR, KERNEL)
            ])  # fmt: skip
    return turns


def _library():
    version = metadata.version("ai-edge-litert")
    files = list(Path(ai_edge_litert.__file__).parent.glob("libLiteRt.*"))
    if version.startswith(f"{VERSION}.") and files:
        return ctypes.CDLL(str(files[0]))
    raise OSError(
        f"profiles need the C library of ai-edge-litert {VERSION}, and this is {version}"
        f"{'' if files else ' without one'}; run pip install -r requirements.txt"
    )


@ctypes.CFUNCTYPE(None, c_void_p)
def _keep(payload):
    """Free nothing: the options belong to Python."""
