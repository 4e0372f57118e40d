"""Published encoders load into every method; channels beyond the image's start from zero.

The names are those of the releases: of recorded networks that contain the encoder, or of the
modules that its code builds.
"""

import re

import numpy as np
import pytest
from recordings import published_state

from keras_matting import published
from keras_matting.backbones import hrnet
from keras_matting.models import create_model, list_models
from keras_matting.weights import backbones, checkpoints, load_backbone


def renamed(layout, *changes):
    """Return the backbone's tensors of a recorded network, under the backbone's own names."""
    state = published_state(layout)
    for old, new in changes:
        state = {n.replace(old, new, 1): a for n, a in state.items() if n.startswith(old)}
    return state


def kernel(model, layer):
    return model.get_layer(layer).kernel.numpy()


def in_keras(array):
    return array.transpose(2, 3, 1, 0)


def test_resnet_and_mobilenet_with_six_channels():
    for name, layout in (("resnet50", "refine_resnet50"), ("mobilenetv2", "base_mobilenetv2")):
        state = renamed(f"bgmv2/matting{layout}.layout.json", ("backbone.", ""))
        stem = next(iter(state))
        state[stem] = state[stem][:, :3]
        state["fc.weight"] = np.zeros((1000, 8), np.float32)  # ignored
        model = create_model(f"bgmv2_base_{name}", (None, None, 3))
        aspp = kernel(model, "aspp_conv")
        load_backbone(model, state)
        loaded = kernel(model, "backbone_stem_conv")
        np.testing.assert_array_equal(loaded[:, :, :3], in_keras(state[stem]))
        assert not loaded[:, :, 3:].any()
        np.testing.assert_array_equal(kernel(model, "aspp_conv"), aspp)  # not in this file


def of_torchvision(name):
    return re.sub("^aspp", "classifier.0", name)


def of_vainf(name):
    blocks = re.sub(r"features\.([0-3])\.", r"low_level_features.\1.", name)
    blocks = re.sub(r"backbone\.features", "backbone.high_level_features", blocks)
    return re.sub("^aspp", "classifier.classifier.0", blocks)


@pytest.mark.parametrize("publisher", [of_torchvision, of_vainf])
def test_deeplab_has_the_pyramid_too(publisher):
    state = published_state("bgmv2/mattingbase_mobilenetv2.layout.json")
    state = {publisher(k): v for k, v in state.items() if not k.startswith("decoder")}
    model = load_backbone(create_model("bgmv2_base_mobilenetv2", (None, None, 3)), state)
    for layer, name in (
        ("backbone_block17_project_conv", "backbone.features.17.conv.2.weight"),
        ("aspp_rate9_conv", "aspp.convs.3.0.weight"),
        ("aspp_mean_conv", "aspp.convs.4.1.weight"),
    ):
        np.testing.assert_array_equal(kernel(model, layer), in_keras(state[publisher(name)]))


def test_densenet():
    state = renamed("gfm/gfm_d121_tt.layout.json", ("densenet.", ""))
    model = load_backbone(create_model("gfm_densenet121_tt", (None, None, 3)), state)
    np.testing.assert_array_equal(
        model.get_layer("backbone_dense3_layer24_2_conv").kernel,
        in_keras(state["features.denseblock3.denselayer24.conv2.weight"]),
    )


def test_hrnet_of_paddle():
    state = renamed("ppmatting/modnet_hrnet_w18.layout.json", ("backbone.", ""))
    model = load_backbone(create_model("modnet_hrnet_w18", (None, None, 3)), state)
    np.testing.assert_array_equal(
        model.get_layer("backbone_transition3_4_bn").gamma,
        state["tr3.transition_tr3_layer_4._batch_norm.weight"],
    )


def hrnet_of_its_authors(width):
    """Return {name: shape} of cls_hrnet.py in HRNet/HRNet-Image-Classification."""
    shapes = {}

    def norm(name, channels):
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{leaf}"] = (channels,)

    def conv(name, bn, inputs, outputs, size, bias=False):
        shapes[f"{name}.weight"] = (outputs, inputs, size, size)
        shapes.update({f"{name}.bias": (outputs,)} if bias else {})
        norm(bn, outputs)

    def sequence(name, inputs, outputs, size, bias=False):
        conv(f"{name}.0", f"{name}.1", inputs, outputs, size, bias)

    def bottleneck(name, inputs, planes):
        for i, (a, b, size) in enumerate(
            [(inputs, planes, 1), (planes, planes, 3), (planes, 4 * planes, 1)], start=1
        ):
            conv(f"{name}.conv{i}", f"{name}.bn{i}", a, b, size)
        if inputs != 4 * planes:
            sequence(f"{name}.downsample", inputs, 4 * planes, 1)

    conv("conv1", "bn1", 3, 64, 3)
    conv("conv2", "bn2", 64, 64, 3)
    for block in range(4):
        bottleneck(f"layer1.{block}", 64 if block == 0 else 256, 64)
    widths = [width * 2**i for i in range(4)]
    sequence("transition1.0", 256, width, 3)
    for new in (1, 2, 3):
        sequence(f"transition{new}.{new}.0", 256 if new == 1 else widths[new - 1], widths[new], 3)
        for module in range((1, 4, 3)[new - 1]):
            name = f"stage{new + 1}.{module}"
            for i in range(new + 1):
                for block in range(4):
                    for c in (1, 2):
                        part = f"{name}.branches.{i}.{block}"
                        conv(f"{part}.conv{c}", f"{part}.bn{c}", widths[i], widths[i], 3)
                for j in range(new + 1):
                    fuse = f"{name}.fuse_layers.{i}.{j}"
                    if j > i:
                        sequence(fuse, widths[j], widths[i], 1)
                    for k in range(i - j):
                        last = k == i - j - 1
                        sequence(f"{fuse}.{k}", widths[j], widths[i if last else j], 3)
    for i, planes in enumerate((32, 64, 128, 256)):
        bottleneck(f"incre_modules.{i}.0", widths[i], planes)
        if i < 3:
            sequence(f"downsamp_modules.{i}", 4 * planes, 8 * planes, 3, bias=True)
    sequence("final_layer", 1024, 2048, 1, bias=True)
    return shapes | {"classifier.weight": (1000, 2048), "classifier.bias": (1000,)}


# millions of parameters in the authors' table of models
@pytest.mark.parametrize("width, millions", [(18, 21.3), (48, 77.5)])
def test_hrnet_of_its_authors_and_timm(width, millions):
    shapes = hrnet_of_its_authors(width)
    count = sum(np.prod(shape) for name, shape in shapes.items() if "running" not in name)
    assert round(count / 1e6, 1) == millions
    if width == 48:
        return
    rng = np.random.default_rng(0)
    state = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    model = load_backbone(create_model("modnet_hrnet_w18", (None, None, 3)), state)
    for layer, name in (
        ("backbone_stage1_block1_shortcut_conv", "layer1.0.downsample.0"),
        ("backbone_transition3_4_conv", "transition3.3.0.0"),
        ("backbone_stage4_module3_branch4_block4_conv2_conv", "stage4.2.branches.3.3.conv2"),
        ("backbone_stage4_module2_fuse4_2_1_conv", "stage4.1.fuse_layers.3.1.0.0"),
        ("backbone_stage3_module4_fuse1_3_conv", "stage3.3.fuse_layers.0.2.0"),
    ):
        np.testing.assert_array_equal(kernel(model, layer), in_keras(state[f"{name}.weight"]))
    assert hrnet.MODULES == {2: 1, 3: 4, 4: 3}


def test_gcas_resnet():
    """Trained on images alone: the trimap's channels of kernel and singular vector are 0."""
    state = renamed("gca/gca.layout.json", ("encoder.", ""))
    state = {k: v for k, v in state.items() if k.split(".")[0].startswith(("conv", "bn", "layer"))}
    first = "conv1.module.weight"
    state[f"{first}_bar"] = state[f"{first}_bar"][:, :3]
    state[f"{first}_v"] = state[f"{first}_v"][:27]
    model = create_model("gca", (64, 64, 3))
    decoder = kernel(model, "decoder_last_conv")
    load_backbone(model, {f"module.{name}": array for name, array in state.items()})
    kernel_of_first, _, v = model.get_layer("encoder1_conv").get_weights()
    np.testing.assert_array_equal(kernel_of_first[:, :, :3], in_keras(state[f"{first}_bar"]))
    np.testing.assert_array_equal(v, [*state[f"{first}_v"], *[0] * 27])
    assert not kernel_of_first[:, :, 3:].any()
    np.testing.assert_array_equal(kernel(model, "decoder_last_conv"), decoder)
    np.testing.assert_array_equal(
        kernel(model, "encoder_stage4_block1_conv2_conv"),
        in_keras(state["layer_bottleneck.1.conv2.module.weight_bar"]),
    )
    del state["layer3.2.bn1.bias"]
    with pytest.raises(ValueError, match="layer3.2.bn1.bias for our .* is missing"):
        load_backbone(model, state)


@pytest.mark.parametrize("modules", [("detail", "segment", "bga"), ("detail", "segment")])
def test_bisenetv2s_backbone_has_a_mapping_for_each_module(modules):
    state = published_state("bisenetv2/bisenetv2_c19_train.layout.json")
    nested = {name: {} for name in modules}
    for name, array in state.items():
        module, _, rest = name.partition(".")
        nested.get(module, {})[rest] = array
    model = create_model("bisenetv2", (64, 64, 3), True)
    before = {name: kernel(model, name) for name in ("aggregate_conv", "semantic_head_conv")}
    load_backbone(model, checkpoints._tensors(nested))
    for layer, name in (
        ("detail3_2_conv", "detail.S3.2.conv"),
        ("stem_conv", "segment.S1S2.conv.conv"),
    ):
        np.testing.assert_array_equal(kernel(model, layer), in_keras(state[f"{name}.weight"]))
    loaded = in_keras(state["bga.conv.0.weight"]) if "bga" in modules else before["aggregate_conv"]
    np.testing.assert_array_equal(kernel(model, "aggregate_conv"), loaded)
    np.testing.assert_array_equal(kernel(model, "semantic_head_conv"), before["semantic_head_conv"])


def test_missing_tensors_are_reported():
    model = create_model("gfm_resnet34_tt", (None, None, 3))
    with pytest.raises(
        ValueError, match="conv1.weight for our backbone_stem_conv/kernel .* missing"
    ):
        load_backbone(model, {"layer1.0.conv1.weight": np.zeros((64, 64, 3, 3), np.float32)})
    with pytest.raises(ValueError, match="no published checkpoints for the backbone of gca_mobile"):
        load_backbone(create_model("gca_mobile", (64, 64, 3)), {})


def test_every_network_of_a_release_has_a_row():
    without = {name for name in list_models() if published.backbone_of(name) is None}
    assert without == {"bisenetv2_mobile", "bisenetv2_paper", "dim_vgg16_mobile", "gca_mobile"}
    assert all(backbones.family(name) for name in set(list_models()) - without)
