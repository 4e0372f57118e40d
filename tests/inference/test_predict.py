"""Input sizes, scaling and padding, and the integers of .tflite files."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from keras_matting.inference import compiled, input_sizes, load_tflite, predict_alpha
from keras_matting.models import create_model, list_models


def red_model(size=(None, None)):
    """Build a network with a known answer at every pixel: alpha = sigmoid(8 red - 4)."""
    image = keras.Input((*size, 3), name="image")
    kernel = keras.initializers.Constant(np.reshape([8.0, 0.0, 0.0], (1, 1, 3, 1)))
    bias = keras.initializers.Constant(-4.0)
    logit = keras.layers.Conv2D(1, 1, kernel_initializer=kernel, bias_initializer=bias)(image)
    alpha = keras.layers.Activation("sigmoid", name="alpha")(logit)
    return keras.Model({"image": image}, {"alpha": alpha}, name="red")


def red_alpha(image):
    return 1.0 / (1.0 + np.exp(4.0 - 8.0 * image[..., 0] / 255.0))


def smooth_image(height, width):
    """Return a uint8 image so smooth that resizing barely changes it."""
    y, x = np.mgrid[0:height, 0:width]
    red = 127.5 + 127.5 * np.sin(3.0 * x / width + 2.0 * y / height)
    return np.stack([red, 255.0 * x / width, 255.0 * y / height], -1).round().astype(np.uint8)


def red_tflite(path, size=(64, 96), integer=False):
    model = red_model(size)
    function = tf.function(
        lambda image: model({"image": image}),
        input_signature=[tf.TensorSpec((1, *size, 3), name="image")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], model
    )
    if integer:
        sample = np.tile(np.linspace(0, 1, size[1], dtype=np.float32)[:, None], (1, size[0], 1, 3))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([{"image": sample}])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 512), (512, 512)),
        ((600, 400), (576, 384)),  # 512 lies between the sides: only cut to multiples of 32
        ((300, 400), (512, 672)),  # both below: 682.67 is truncated, then cut
        ((1080, 1920), (512, 896)),  # both above: 910.2
        ((1920, 1080), (896, 512)),
        ((700, 20), (672, 32)),
        ((1, 1), (512, 512)),
    ],
)
def test_size_of_the_published_script(size, expected):
    assert input_sizes.near(*size, 512) == expected


def test_another_reference_size():
    assert input_sizes.near(400, 300, 256) == (320, 256)


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("bisenetv2", (600, 401), (608, 416)),
        ("dim_vgg16", (3000, 1100), (1600, 1088)),  # each side is limited: the shape changes
        ("dim_vgg16", (40, 31), (32, 32)),
        ("dim_vgg16_bilinear", (5000, 3333), (3840, 2560)),  # 2559.7
        ("dim_vgg16_bilinear", (801, 333), (801, 333)),
        ("gfm_resnet34_tt", (1080, 1920), (512, 960)),  # 540, cut
        ("gfm_densenet121_rim", (1080, 1920), (352, 640)),  # 360, cut
        ("gfm_resnet34_2b_tt", (1080, 4000), (512, 1600)),
        ("modnet_hrnet_w18", (300, 400), (512, 672)),  # 682.7 is rounded, then cut
        ("modnet_hrnet_w18", (600, 400), (768, 512)),  # MODNet's own would only cut
        ("modnet_mobilenetv2", (600, 400), (576, 384)),
        ("ppmatting_hrnet_w18", (1080, 1920), (512, 896)),
        ("ppmatting_hrnet_w18", (300, 400), (288, 384)),  # not upscaled
        ("ppmatting_hrnet_w48", (3000, 2000), (2304, 1536)),
        ("ppmatting_hrnet_w48_paper", (3000, 2000), (2304, 1536)),
    ],
)
def test_sizes_of_the_published_tests(name, size, expected):
    way = input_sizes.way(name)
    assert way["size"](*size, way["reference"]) == expected


@pytest.mark.parametrize("name", ["modnet_mobilenetv2", "modnet_hrnet_w18", "ppmatting_hrnet_w18"])
@pytest.mark.parametrize("size", [(1, 300), (8, 400), (1, 5000), (3000, 20), (1, 60_000)])
def test_thin_pictures_are_not_upscaled_to_gigapixels(name, size):
    way = input_sizes.way(name)
    height, width = way["size"](*size, way["reference"])
    assert max(height, width) <= max(8 * 512, *size)


def test_pictures_of_8_to_1_have_the_published_size():
    assert input_sizes.near(40, 320, 512) == (512, 4096)
    assert input_sizes.shorter_is(64, 512, 512) == (512, 4096)


def test_every_network_has_a_row():
    fallback = [name for name in list_models() if input_sizes.way(name) is input_sizes.WAYS["*"]]
    assert all(name.startswith("modnet_mobilenetv2") for name in fallback)
    assert input_sizes.way("bgmv2_base_resnet50") == dict(multiple=1)
    assert input_sizes.way("bgmv2_resnet50") == dict(multiple=4)


@pytest.mark.parametrize("fixed", [(None, None), (64, 96), (96, 64)])
@pytest.mark.parametrize("size", [(67, 101), (200, 91), (33, 700), (5, 3), (1, 1)])
def test_the_matte_has_the_size_of_the_image(fixed, size):
    image = smooth_image(*size)
    alpha = predict_alpha(red_model(fixed), image, None if fixed[0] else 128)
    assert alpha.shape == size and alpha.dtype == np.float32
    assert 0.0 <= alpha.min() and alpha.max() <= 1.0
    if min(size) > 64:  # smaller images are too coarse to compare
        assert np.abs(alpha - red_alpha(image)).mean() < 0.005


class Spy:
    """A stand-in for a named network that records its inputs; alpha is the red channel."""

    def __init__(self, name="spy", extra=(), size=(None, None)):
        self.name = name
        shapes = {"image": (1, *size, 3), "background": (1, *size, 3), "trimap": (1, *size, 1)}
        self.input = {key: tf.TensorSpec(shapes[key]) for key in ("image", *extra)}
        self.output = {"alpha": None}

    def __call__(self, inputs, training):
        assert inputs.keys() == self.input.keys() and not training
        for key, x in inputs.items():
            assert x.dtype == np.float32 and x.shape[-1] == self.input[key].shape[-1]
        self.seen = {key: x[0] for key, x in inputs.items()}
        return {"alpha": inputs["image"][..., :1]}


def test_a_large_photograph_is_reduced_as_bytes():
    model = Spy(size=(40, 80))
    large = np.random.default_rng(0).integers(0, 256, (1200, 2400, 3), np.uint8)
    for image, exact in ((large, False), (large[:400, :800], True)):
        predict_alpha(model, image)
        expected = cv2.resize(image / np.float32(255), (80, 40), interpolation=cv2.INTER_AREA)
        difference = np.abs(model.seen["image"] - expected).max()
        assert difference == 0 if exact else 0 < difference <= 0.501 / 255


def test_a_fixed_size_gets_the_undistorted_image_padded_by_reflection():
    model = Spy(size=(40, 80))
    image = smooth_image(40, 60)
    alpha = predict_alpha(model, image)
    inner, seen = image / np.float32(255), model.seen["image"]
    np.testing.assert_array_equal(seen[:, 10:70], inner)
    np.testing.assert_array_equal(seen[:, :10], inner[:, 10:0:-1])
    np.testing.assert_array_equal(seen[:, 70:], inner[:, -2:-12:-1])
    np.testing.assert_array_equal(alpha, inner[..., 0])


def random_trimap(height, width):
    return np.random.default_rng(0).choice(np.uint8([0, 128, 255]), (height, width))


def test_gca_gets_multiples_of_32_and_known_pixels_are_kept():
    model, image, trimap = Spy("gca", ["trimap"]), smooth_image(37, 64), random_trimap(37, 64)
    alpha = predict_alpha(model, image, trimap=trimap[..., None])
    padded = np.pad(np.dstack([image, trimap]), ((0, 27), (0, 0), (0, 0)), "reflect")
    seen = np.dstack([model.seen["image"], model.seen["trimap"]])
    np.testing.assert_array_equal(np.rint(255 * seen), padded)
    unknown = trimap == 128
    np.testing.assert_array_equal(alpha[unknown], np.float32(image[unknown][:, 0]) / 255)
    np.testing.assert_array_equal(alpha[~unknown], trimap[~unknown] / 255)


def test_gca_gets_a_border_of_32_pixels_in_the_mode_of_its_demo():
    model, image, trimap = Spy("gca", ["trimap"]), smooth_image(37, 64), random_trimap(37, 64)
    alpha = predict_alpha(model, image, trimap=trimap, mode="border")
    padded = np.pad(np.dstack([image, trimap]), ((32, 59), (32, 32), (0, 0)), "reflect")
    seen = np.dstack([model.seen["image"], model.seen["trimap"]])
    np.testing.assert_array_equal(np.rint(255 * seen), padded)
    unknown = trimap == 128
    np.testing.assert_array_equal(alpha[unknown], np.float32(image[unknown][:, 0]) / 255)


class GFM(Spy):
    """A stand-in: the glance is decided by green, the focus is red."""

    def __init__(self, name, classes):
        super().__init__(name)
        self.output = {"alpha": None, "glance": None, "focus": None}
        self.classes, self.sizes = classes, []

    def __call__(self, inputs, training):
        red, green = inputs["image"][..., :1], inputs["image"][..., 1]
        self.sizes.append(red.shape[1:3])
        glance = np.eye(self.classes)[np.int32(green * self.classes * 0.999)]
        return {"glance": glance, "focus": red}


@pytest.mark.parametrize(("kind", "classes"), [("tt", 3), ("ft", 2), ("bt", 2)])
def test_gfms_hybrid_has_semantics_of_a_third_and_detail_of_half(kind, classes):
    model, image = GFM(f"gfm_resnet34_{kind}", classes), smooth_image(200, 400)
    alpha = predict_alpha(model, image, mode="hybrid")
    assert model.sizes == [(64, 128), (96, 192)]
    red, green = (image[..., i] / 255.0 for i in range(2))
    middle = slice(20, 180), [30, 90, 180, 210, 300, 370]  # far from where the glance changes
    level = np.int32(green * classes * 0.999)
    expected = {
        "tt": np.select([level == 0, level == 2], [0.0, 1.0], red),
        "ft": np.minimum(level + red, 1.0),
        "bt": np.maximum(level - red, 0.0),
    }[kind]
    np.testing.assert_allclose(alpha[middle], expected[middle], atol=0.01)


def test_edges_follow_the_image_where_a_fixed_size_saw_less_than_half():
    image = np.zeros((90, 180, 3), np.uint8)
    image[:, 77:] = 255  # between two pixels of 40x80
    fixed, free = Spy(size=(40, 80)), Spy("gfm_resnet34_tt")
    sharp, plain = (predict_alpha(fixed, image, refine_edges=way) for way in (None, False))
    errors = [np.abs(alpha - image[..., 0] / 255).mean() for alpha in (sharp, plain)]
    assert errors[0] < 0.1 * errors[1]
    for model, picture in ((fixed, image[:80, :160]), (free, image)):
        default, plain = (predict_alpha(model, picture, refine_edges=way) for way in (None, False))
        np.testing.assert_array_equal(default, plain)
    sharp = predict_alpha(free, image, refine_edges=True)
    assert np.abs(sharp - plain).max() > 0.3


@pytest.mark.parametrize(
    ("model", "mode", "message"),
    [
        (Spy("gfm_resnet34_tt"), "hybrid", "needs gfm_resnet34_tt built with training_heads=True"),
        (Spy("gfm_resnet34_rim"), "hybrid", "gfm_resnet34_rim has no hybrid mode"),
        (Spy(), "hybrid", "spy has no hybrid mode"),
        (Spy(), "border", "spy has no border mode"),
        (Spy(), "twice", "unknown mode 'twice'; use one of border, hybrid"),
    ],
)
def test_modes_that_a_model_does_not_have_are_refused(model, mode, message):
    with pytest.raises(ValueError, match=message):
        predict_alpha(model, smooth_image(64, 64), mode=mode)


def test_dim_gets_image_and_trimap_scaled_as_published():
    model, image = Spy("dim_vgg16", ["trimap"]), smooth_image(70, 100)
    trimap = random_trimap(70, 100)
    predict_alpha(model, image, trimap=trimap)
    for key, x in (("image", image), ("trimap", trimap[..., None])):
        expected = tf.image.resize(x / 255, (64, 96), "bilinear", antialias=False)
        np.testing.assert_allclose(model.seen[key], expected, atol=1e-5)


def test_a_trimap_scaled_to_a_fixed_size_keeps_thin_unknown_regions():
    trimap = np.zeros((200, 400), np.uint8)
    trimap[:, 200:] = 255
    trimap[:, 199:202] = 128
    model = Spy("gca", ["trimap"], size=(32, 64))
    predict_alpha(model, smooth_image(200, 400), trimap=trimap)
    seen = np.rint(255 * model.seen["trimap"][..., 0])
    assert set(np.unique(seen)) == {0, 128, 255}
    assert (seen[:, 31:33] == 128).any(1).all()


def test_the_background_is_padded_like_the_image():
    model = Spy("bgmv2_resnet50", ["background"])
    image = smooth_image(41, 50)
    background = image[::-1]
    alpha = predict_alpha(model, image, background=background)
    padded = np.pad(background, ((0, 3), (0, 2), (0, 0)), "reflect")
    np.testing.assert_array_equal(np.rint(255 * model.seen["background"]), padded)
    np.testing.assert_array_equal(alpha, np.float32(image[..., 0]) / 255)


@pytest.mark.parametrize(
    ("name", "options", "multiple"),
    [("bgmv2_mobilenetv2", {}, 4), ("dim_vgg16_bilinear", {}, 1)],
)
def test_networks_at_any_size(name, options, multiple):
    model = create_model(name, (None, None, 3), **options)
    extra = {}
    for height, width in ((1, 1), (3, 70), (67, 101)):
        image = smooth_image(height, width)
        if "trimap" in model.input:
            extra = {"trimap": np.full((height, width), 128, np.uint8)}
        else:
            extra = {"background": image[::-1]}
        alpha = predict_alpha(model, image, **extra)
        assert alpha.shape == (height, width)
    padding = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    inputs = {key: np.atleast_3d(x) for key, x in ({"image": image} | extra).items()}
    inputs = {k: np.pad(x, padding, "reflect")[None] / np.float32(255) for k, x in inputs.items()}
    expected = model(inputs)["alpha"][0, :height, :width, 0]
    np.testing.assert_allclose(alpha, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (Spy("gca", ["trimap"]), {}, "gca needs a trimap in addition to the image; pass --trimap"),
        (Spy("bgmv2_resnet50", ["background"]), {}, "needs a background in addition to the image"),
        (Spy(), {"trimap": np.zeros((8, 9), np.uint8)}, "spy takes no trimap"),
        (Spy("gca", ["trimap"]), {"trimap": np.zeros((9, 8), np.uint8)}, "trimap is 9x8, but"),
        (Spy("gca", ["trimap"]), {"trimap": np.full((8, 9), 127, np.uint8)}, "must be uint8 with"),
        (Spy("gca", ["trimap"]), {"trimap": np.zeros((8, 9))}, "must be uint8 with values 0, 128"),
        (Spy("gca", ["trimap"]), {"trimap": np.zeros((8, 9, 3), np.uint8)}, r"trimap has shape"),
        (Spy("bgmv2_a", ["background"]), {"background": np.zeros((8, 9))}, "background has shape"),
        (Spy("gca"), {"reference_size": 64}, "input size of gca cannot be changed"),
        (Spy(size=(32, 32)), {"reference_size": 64}, "input size of spy cannot be changed"),
    ],
)
def test_wrong_inputs_are_refused(model, given, message):
    with pytest.raises(ValueError, match=message):
        predict_alpha(model, np.zeros((8, 9, 3), np.uint8), **given)


def test_a_network_without_alpha_is_refused():
    model = Spy("bisenetv2")
    model.output = {"semantic": None}
    with pytest.raises(ValueError, match="bisenetv2 has no output alpha; build .* num_classes=2"):
        predict_alpha(model, smooth_image(8, 9))


def test_uint8_and_float_images_agree():
    image, model = smooth_image(64, 96), red_model((64, 96))
    expected = predict_alpha(model, image)
    np.testing.assert_array_equal(predict_alpha(model, image / np.float32(255)), expected)


def test_float_tflite(tmp_path):
    image = smooth_image(64, 96)
    alpha = predict_alpha(load_tflite(red_tflite(tmp_path / "red.tflite")), image)
    np.testing.assert_allclose(alpha, red_alpha(image), atol=1e-5)


def test_tflite_with_a_trimap(tmp_path):
    function = tf.function(
        lambda image, trimap: {"alpha": 0.5 * image[..., :1] + 0.5 * trimap},
        input_signature=[
            tf.TensorSpec((1, 64, 96, channels), name=name)
            for name, channels in (("image", 3), ("trimap", 1))
        ],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )
    (tmp_path / "mean.tflite").write_bytes(converter.convert())
    model, image = load_tflite(tmp_path / "mean.tflite"), smooth_image(64, 96)
    trimap = random_trimap(64, 96)
    alpha = predict_alpha(model, image, trimap=trimap)
    expected = np.where(trimap == 128, (image[..., 0] / 255 + 128 / 255) / 2, trimap / 255)
    np.testing.assert_allclose(alpha, expected, atol=1e-6)
    with pytest.raises(ValueError, match="mean.tflite needs a trimap in addition to the image"):
        predict_alpha(model, image)


def test_int8_tflite_reads_bytes_and_its_alpha_reaches_one(tmp_path):
    model = load_tflite(red_tflite(tmp_path / "red.tflite", integer=True))
    assert model.input_size == (64, 96)
    fed = {}
    model._runner = lambda image: fed.update(image=image) or {
        "alpha": np.resize(np.arange(-128, 128, dtype=np.int8), (1, 64, 96, 1))
    }
    image = np.resize(np.arange(256, dtype=np.uint8), (64, 96, 3))
    alpha = predict_alpha(model, image)
    np.testing.assert_array_equal(fed["image"][0], image.astype(np.int32) - 128)
    assert fed["image"].dtype == np.int8
    # q from -128 to 127 is (q + 128) / 255: 0 and 1 are reached, and 8-bit output is exact
    np.testing.assert_array_equal(np.rint(255 * alpha).ravel()[:256], np.arange(256))
    assert (alpha.min(), alpha.max()) == (0.0, 1.0)


def test_int8_tflite_runs(tmp_path):
    image = smooth_image(64, 96)
    alpha = predict_alpha(load_tflite(red_tflite(tmp_path / "red.tflite", integer=True)), image)
    assert np.abs(alpha - red_alpha(image)).max() < 0.03


@pytest.mark.parametrize("kind", ["keras", "float", "integer"])
def test_every_thread_gets_its_own_matte(tmp_path, kind):
    size = (64, 96)
    if kind == "keras":
        model, limit = red_model(size), 1e-5
    else:
        path = red_tflite(tmp_path / "red.tflite", integer=kind == "integer")
        model, limit = load_tflite(path), 0.03
    levels = np.arange(0, 250, 5, np.uint8)
    images = [np.full((*size, 3), level) for level in levels]
    with ThreadPoolExecutor(4) as pool:
        alphas = list(pool.map(lambda image: predict_alpha(model, image), 4 * images))
    expected = np.stack([red_alpha(image) for image in 4 * images])
    np.testing.assert_allclose(np.stack(alphas), expected, atol=limit)


def test_a_keras_model_is_traced_once_for_all_sizes(monkeypatch):
    traces, trace = [], compiled._trace
    monkeypatch.setattr(compiled, "_trace", lambda *given: traces.append(given) or trace(*given))
    model = red_model()
    for height in range(32, 320, 16):
        image = smooth_image(height, 64)
        alpha = predict_alpha(model, image, 64)
        np.testing.assert_allclose(alpha, red_alpha(image), atol=0.02)
    assert len(traces) == 1


def test_a_compiled_model_uses_its_present_weights_and_is_freed():
    model, image = red_model(), smooth_image(64, 64)
    for _ in range(2):
        predict_alpha(model, image, 64)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_array_equal(predict_alpha(model, image, 64), np.float32(0.5))
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 5), np.uint8), r"shape \(4, 5\)"),
        (np.zeros((4, 5, 4), np.uint8), r"shape \(4, 5, 4\)"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 3), np.uint16), "uint16"),
        (np.full((4, 5, 3), 255.0), "255.0"),
        (np.full((4, 5, 3), np.nan), "nan"),
    ],
)
def test_images_of_wrong_shape_type_or_range_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        predict_alpha(red_model((64, 96)), image)


def test_a_matte_that_is_not_finite_is_refused():
    model = red_model((64, 96))
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    with pytest.raises(ValueError, match="not finite"):
        predict_alpha(model, smooth_image(64, 96))


def test_files_that_are_not_models_are_reported(tmp_path):
    broken = tmp_path / "broken.tflite"
    with pytest.raises(FileNotFoundError, match="broken.tflite"):
        load_tflite(broken)
    broken.write_bytes(b"no flatbuffer")
    with pytest.raises(ValueError, match="broken.tflite"):
        load_tflite(broken)
