"""Load Google's quantised MobileNetV2 (mobilenet_v2_1.0_224_quant.tflite, Apache-2.0) as backbone.

The batch norms in the file are folded into 8-bit kernels and biases. With neutral norms, the first
training step, which normalises by batch statistics, would destroy the features. `fill` therefore
sets each norm's statistics to those of its convolution's output on real photographs, and its scale
and offset to undo them, so that training starts from the function in the file.
"""

import re

import numpy as np
from tensorflow import keras

PARTS = re.compile(
    r"MobilenetV2/(Conv|Conv_1|expanded_conv(?:_\d+)?)(?:/(expand|depthwise|project))?/"
)


def read(path):
    """Read {our layer name without _conv: (kernel in Keras' layout, bias)} from the file.

    Raises ValueError if it is another file.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(str(path))
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is not a .tflite file: {error}") from None
    kernels, biases = {}, {}
    for tensor in interpreter.get_tensor_details():
        name = tensor["name"].split(";")[-1]
        found = PARTS.match(name)
        is_kernel = "weights_quant" in name
        if not found or not (is_kernel or tensor["dtype"] == np.int32):
            continue
        ours = _our_name(*found.groups())
        values = _dequantised(interpreter.get_tensor(tensor["index"]), tensor)
        if is_kernel:  # (out, h, w, in), depthwise (1, h, w, channels)
            kernels[ours] = values.transpose(1, 2, 3, 0)
        else:
            biases[ours] = values
    if not kernels or kernels.keys() != biases.keys():
        raise ValueError(f"{path} is not Google's quantised MobileNetV2")
    return {name: (kernels[name], biases[name]) for name in kernels}


def fill(model, path, pictures):
    """Load the file into the MobileNetV2 backbone of `model` and return the model.

    `pictures` (B, H, W, 3) in [0, 1] are a few dozen photographs for the norms' statistics. Input
    channels beyond the image's three start from zero. Raises ValueError if the backbone is not a
    MobileNetV2 of width 1.
    """
    folded = read(path)
    names = [
        layer.name.removesuffix("_conv")
        for layer in model.layers
        if layer.name.startswith("backbone_") and layer.name.endswith("_conv")
    ]
    problems = []
    for name in names:
        shape = tuple(model.get_layer(f"{name}_conv").weights[0].shape)
        if name in folded:
            folded[name] = _widened(folded[name][0], shape), folded[name][1]
        if name not in folded or folded[name][0].shape != shape:
            problems.append(f"{name} {shape}")
    if problems or not names:
        raise ValueError(
            f"{path} does not match the backbone of {model.name}, which must be a MobileNetV2 of "
            f"width 1: {', '.join(problems[:3]) or 'no backbone found'}"
        )
    for name in names:
        kernel, bias = folded[name]
        model.get_layer(f"{name}_conv").set_weights([kernel])
        norm = model.get_layer(f"{name}_bn")
        mean, variance = np.zeros_like(bias), np.ones_like(bias)
        norm.set_weights([np.sqrt(variance + norm.epsilon), bias, mean, variance])
    outputs = {name: model.get_layer(f"{name}_conv").output for name in names}
    inputs = pictures
    if isinstance(model.input, dict):
        # kernels of inputs other than the image are zero
        shape = pictures.shape[:3]
        inputs = {key: np.zeros((*shape, x.shape[-1])) for key, x in model.input.items()}
        inputs["image"] = pictures
    convolved = keras.Model(model.input, outputs).predict(inputs, batch_size=8, verbose=0)
    for name in names:
        mean = convolved[name].mean((0, 1, 2))
        variance = convolved[name].var((0, 1, 2))
        bias, norm = folded[name][1], model.get_layer(f"{name}_bn")
        norm.set_weights([np.sqrt(variance + norm.epsilon), bias + mean, mean, variance])
    return model


def _widened(kernel, shape):
    """Pad the kernel with zeros for channels beyond the image's three."""
    further = shape[2] - kernel.shape[2]
    if kernel.shape[2] != 3 or further <= 0:
        return kernel
    return np.pad(kernel, [(0, 0), (0, 0), (0, further), (0, 0)])


def _our_name(block, part):
    if part is None and block != "expanded_conv":
        return {"Conv": "backbone_stem", "Conv_1": "backbone_last"}[block]
    number = int(block.rpartition("_")[2]) if block[-1].isdigit() else 0
    return f"backbone_block{number + 1}_{part}"


def _dequantised(values, tensor):
    scale, zero_point = tensor["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale)
