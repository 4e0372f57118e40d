"""The devices of a run: what it says about them, and where its step can be deterministic."""

from collections import Counter

import tensorflow as tf

# Operations whose GPU kernels raise UnimplementedError after `enable_op_determinism`, as of
# TensorFlow 2.15 and 2.21. The last three refuse only if `is_training` is false.
REFUSING = {
    "AdjustContrast",
    "AdjustContrastv2",
    "Bincount",
    "CropAndResizeGradBoxes",
    "CropAndResizeGradImage",
    "DenseBincount",
    "Dilation2DBackpropFilter",
    "Dilation2DBackpropInput",
    "FakeQuantWithMinMaxVarsGradient",
    "FakeQuantWithMinMaxVarsPerChannelGradient",
    "MaxPoolGradWithArgmax",
    "ResizeNearestNeighborGrad",
    "SparseTensorDenseMatMul",
}
REFUSING_UNTRAINED = {"FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3"}


def gpus() -> list[str]:
    """Return the names of this machine's GPUs, such as NVIDIA A100-SXM4-40GB."""
    details = tf.config.experimental.get_device_details
    devices = tf.config.list_physical_devices("GPU")
    return [details(device).get("device_name", device.name) for device in devices]


def grow_memory():
    """Let TensorFlow take a GPU's memory as it needs it, not all at once.

    Raises RuntimeError if TensorFlow has used the GPUs already.
    """
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


def described(gpus: list[str], strategy: str = "none", replicas: int = 1) -> str:
    """Return a sentence about the devices that a run trains on."""
    if strategy == "tpu":
        return f"Training on a TPU with {replicas} cores."
    if not gpus:
        return "No GPU found, training on the CPU."
    if len(gpus) == 1:
        return f"1 GPU: {gpus[0]}."
    rest = "; training uses the first, --strategy=mirrored uses all" if strategy == "none" else ""
    return f"{len(gpus)} GPUs: {', '.join(gpus)}{rest}."


def refusing(definition: tf.compat.v1.GraphDef) -> Counter:
    """Count the operations of a graph that have no deterministic kernel for GPUs."""
    functions = (node for function in definition.library.function for node in function.node_def)
    found = Counter()
    for node in [*definition.node, *functions]:
        untrained = node.op in REFUSING_UNTRAINED and not node.attr["is_training"].b
        if node.op in REFUSING or untrained:
            found[node.op] += 1
    return found


def choose_determinism(gpus: list[str], operations: dict, asked: bool | None):
    """Make TensorFlow's operations deterministic or say why not; see `deterministic`."""
    chosen, sentence = deterministic(gpus, operations, asked)
    if sentence:
        print(sentence, flush=True)
    if chosen:
        tf.config.experimental.enable_op_determinism()


def deterministic(gpus: list[str], operations: dict, asked: bool | None) -> tuple[bool, str]:
    """Return whether to make TensorFlow's operations deterministic, and what to tell the user.

    `operations`, {name: count}, are those of the training step that refuse on a GPU, `asked` is
    --deterministic, None by default. A CPU is deterministic unless asked not to be. Raises
    ValueError where determinism is asked for and a GPU cannot have it.
    """
    if asked is False:
        return False, "Not deterministic, as --nodeterministic asks."
    if not gpus or not operations:
        return True, ""
    named = ", ".join(f"{name} ({count})" for name, count in sorted(operations.items()))
    if asked:
        raise ValueError(
            f"--deterministic: the training step has operations without a deterministic kernel for "
            f"GPUs, {named}; leave the flag out, or hide the GPUs with CUDA_VISIBLE_DEVICES=-1."
        )
    return False, (
        "Not deterministic: the training step has operations without a deterministic kernel for "
        f"GPUs, {named}; two runs may end with slightly different weights."
    )
