"""Write the reference data of the app's tests: pixels by OpenCV and NumPy, tiny .tflite files.

    python android_demo/tools/fixtures.py

writes android_demo/desktop/tests/fixtures/<name>.<type>.<shape>.bin, little-endian, and *.tflite.
The files are committed; run it again only if the app's results are meant to change.
"""

import hashlib
import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

FOLDER = Path(__file__).parents[1] / "desktop/tests/fixtures"
RESIZED = {"area": (17, 20), "half": (24, 32), "linear": (80, 101), "mixed": (31, 90)}
BOXED = {"wide": (24, 64), "tall": (64, 40), "narrow": (5, 60)}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in [*FOLDER.glob("*.bin"), *FOLDER.glob("*.tflite")]:
        old.unlink()
    picture, alpha = _picture(48, 64), _alpha(48, 64)
    _save("picture", picture)
    _save("alpha", alpha)
    for name, (height, width) in RESIZED.items():
        _save(f"resized_{name}", _resized(picture, height, width))
        _save(f"resized_alpha_{name}", _resized(alpha, height, width))
    for name, (height, width) in BOXED.items():
        source = _picture(height, width)
        _save(f"letterbox_{name}", source)
        boxed, inside = _letterboxed(source.astype(np.float32) / 255, 40, 48)
        _save(f"letterboxed_{name}", np.rint(255 * boxed).astype(np.uint8))
        _save(f"letterbox_inside_{name}", np.int32(inside))
    _save("byte_as_int8", (np.arange(256) - 128).astype(np.int8))
    _save("int8_as_alpha", (np.arange(256) / 255).astype(np.float32))
    _save_refinement(picture)
    other = _picture(48, 64)[::-1, ::-1].copy()
    _save("background", other)
    _save(
        "composed",
        np.rint(alpha[..., None] * picture + (1 - alpha[..., None]) * other).astype(np.uint8),
    )
    _save("blurred", _blurred(picture, alpha, radius=3))
    _save_smoothing()
    _save_camera(picture[:46, :62])
    _save_tflite()


def _picture(height, width):
    """Return smooth colours with one sharp edge and some noise."""
    rng = np.random.default_rng(height)
    coarse = rng.uniform(0, 255, (4, 5, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    image[:, width // 3 :] = 255 - image[:, width // 3 :]
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def _alpha(height, width):
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((y - 0.55 * height) / height, (x - 0.5 * width) / width)
    return np.clip((0.4 - distance) * 8, 0, 1).astype(np.float32)


def _resized(x, height, width):
    shrinks = height <= x.shape[0] and width <= x.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(x, (width, height), interpolation=interpolation)


def _letterboxed(image, height, width):
    """Scale to fit, pad by reflection -> image, (top, left, height, width) of the scaled part."""
    scale = min(height / image.shape[0], width / image.shape[1])
    inner = [max(1, round(side * scale)) for side in image.shape[:2]]
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    borders = top, height - inner[0] - top, left, width - inner[1] - left
    boxed = cv2.copyMakeBorder(_resized(image, *inner), *borders, cv2.BORDER_REFLECT_101)
    return boxed, (top, left, *inner)


def _save_refinement(picture, radius=2, epsilon=1e-4):
    """Save the colour guided filter in float64: fitted at 16x20, applied to the picture, 48x64."""
    small = _resized(picture, 16, 20)
    alpha = _resized(_alpha(48, 64), 16, 20)
    guide, target = small / 255.0, alpha.astype(np.float64)

    def mean(x):
        size, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_CONSTANT
        sums = cv2.boxFilter(x, -1, size, normalize=False, borderType=border)
        return sums / cv2.boxFilter(
            np.ones(x.shape[:2]), -1, size, normalize=False, borderType=border
        )

    means = [mean(guide[..., i].copy()) for i in range(3)]
    covariance = np.stack([
        np.stack([mean(guide[..., i] * guide[..., j]) - means[i] * means[j] for j in range(3)], -1)
        for i in range(3)
    ], -2)  # fmt: skip
    with_alpha = np.stack(
        [mean(guide[..., i] * target) - means[i] * mean(target) for i in range(3)], -1
    )
    slope = np.linalg.solve(covariance + epsilon * np.eye(3), with_alpha[..., None])[..., 0]
    constant = mean(target) - sum(slope[..., i] * means[i] for i in range(3))
    coefficients = [mean(x) for x in (*np.moveaxis(slope, -1, 0).copy(), constant)]
    enlarged = [cv2.resize(x, (64, 48), interpolation=cv2.INTER_LINEAR) for x in coefficients]
    refined = sum(enlarged[i] * picture[..., i] / 255.0 for i in range(3)) + enlarged[3]
    _save("guide", small)
    _save("guide_alpha", alpha)
    _save("refined", np.clip(refined, 0, 1).astype(np.float32))


def _blurred(picture, alpha, radius):
    weight = 1 - alpha.astype(np.float64) + 1e-3
    planes = [weight * picture[..., i] for i in range(3)] + [weight]
    for i, plane in enumerate(planes):
        for size in ((2 * radius + 1, 1), (1, 2 * radius + 1)) * 3:
            border = cv2.BORDER_CONSTANT
            counts = cv2.boxFilter(
                np.ones(plane.shape), -1, size, normalize=False, borderType=border
            )
            plane = cv2.boxFilter(plane, -1, size, normalize=False, borderType=border) / counts
        planes[i] = plane
    return np.rint(np.stack(planes[:3], -1) / planes[3][..., None]).astype(np.uint8)


def _save_smoothing(still=0.3, motion=0.35):
    """Save a video of 6 frames with flicker of every strength, and the same smoothed over time."""
    rng = np.random.default_rng(0)
    frames = rng.uniform(0, 1, (1, 96)) + rng.normal(0, 1, (6, 96)) * np.linspace(0, 0.5, 96)
    frames = np.clip(frames, 0, 1).astype(np.float32)
    smooth = [frames[0].astype(np.float64)]
    for now in frames[1:]:
        change = now - smooth[-1]
        share = np.minimum(1, still + (1 - still) * abs(change) / motion)
        smooth.append(smooth[-1] + share * change)
    _save("flicker", frames)
    _save("smoothed", np.float32(smooth))


def _save_camera(picture):
    """Save a picture as JFIF's YUV 4:2:0, and the same converted back to red, green and blue."""
    y, v, u = (
        plane.copy() for plane in np.moveaxis(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb), -1, 0)
    )
    u, v = u[::2, ::2].copy(), v[::2, ::2].copy()
    full = [np.repeat(np.repeat(plane, 2, 0), 2, 1).astype(np.float64) - 128 for plane in (u, v)]
    blueness, redness = full
    colours = np.stack([
        y + 1.402 * redness,
        y - 0.344136 * blueness - 0.714136 * redness,
        y + 1.772 * blueness,
    ], -1)  # fmt: skip
    _save("camera_y", y)
    _save("camera_u", u)
    _save("camera_v", v)
    _save("camera_colours", np.clip(np.rint(colours), 0, 255).astype(np.uint8))


def _save_tflite():
    """Write models that average channels: one with a checksum and a zip, one of a wrong type."""

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")])
    def mean(image):
        return {"alpha": tf.reduce_mean(image, -1, keepdims=True)}

    module = tf.Module()
    module.mean = mean
    functions = [mean.get_concrete_function()]
    data = tf.lite.TFLiteConverter.from_concrete_functions(functions, module).convert()
    (FOLDER / "checksum.tflite").write_bytes(_with_checksum(data))

    model = flatbuffer_utils.convert_bytearray_to_object(data)
    unused = schema.TensorT()
    unused.name, unused.shape, unused.type = b"unused", [1, 8, 8, 3], schema.TensorType.COMPLEX64
    graph, index = model.subgraphs[0], len(model.subgraphs[0].tensors)
    graph.tensors.append(unused)
    graph.inputs = [*graph.inputs, index]
    model.signatureDefs[0].inputs[0].tensorIndex = index
    data = flatbuffer_utils.convert_object_to_bytearray(model)
    (FOLDER / "complex_image.tflite").write_bytes(data)


def _with_checksum(data):
    """Add the SHA-256 of the file, computed with its own 32 bytes set to zero."""
    model = flatbuffer_utils.convert_bytearray_to_object(data)
    marker = b"keras_matting SHA-256: "
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(marker + bytes(32))
    model.buffers.append(buffer)
    entry.name, entry.buffer = b"keras_matting.sha256", len(model.buffers) - 1
    model.metadata.append(entry)
    stream = io.BytesIO(flatbuffer_utils.convert_object_to_bytearray(model))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(zipfile.ZipInfo("labels.txt"), "background\nperson")
    data = stream.getvalue()
    return data.replace(marker + bytes(32), marker + hashlib.sha256(data).digest())


def _save(name, array):
    kind = {"uint8": "u8", "int8": "i8", "int32": "i32", "float32": "f32"}[array.dtype.name]
    shape = "x".join(map(str, array.shape))
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    (FOLDER / f"{name}.{kind}.{shape}.bin").write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
