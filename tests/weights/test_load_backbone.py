"""ImageNet checkpoints load into backbones; channels beyond the image's start from zero."""

import numpy as np
import pytest
from recordings import published_state

from keras_matting.models import create_model
from keras_matting.weights import load_backbone


def renamed(layout, *changes):
    """Return the backbone's tensors of a recorded network, under the backbone's own names."""
    state = published_state(layout)
    for old, new in changes:
        state = {n.replace(old, new): a for n, a in state.items() if n.startswith(old)}
    return state


def test_resnet_and_mobilenet_with_six_channels():
    for name, layout in (("resnet50", "refine_resnet50"), ("mobilenetv2", "base_mobilenetv2")):
        state = renamed(f"bgmv2/matting{layout}.layout.json", ("backbone.", ""))
        stem = next(iter(state))
        state[stem] = state[stem][:, :3]
        state["fc.weight"] = np.zeros((1000, 8), np.float32)  # ignored
        model = create_model(f"bgmv2_base_{name}", (None, None, 3))
        load_backbone(model, state)
        kernel = model.get_layer("backbone_stem_conv").kernel.numpy()
        np.testing.assert_array_equal(kernel[:, :, :3], state[stem].transpose(2, 3, 1, 0))
        assert not kernel[:, :, 3:].any()


def test_densenet():
    state = renamed("gfm/gfm_d121_tt.layout.json", ("densenet.", ""))
    model = load_backbone(create_model("gfm_densenet121_tt", (None, None, 3)), state)
    np.testing.assert_array_equal(
        model.get_layer("backbone_dense3_layer24_2_conv").kernel,
        state["features.denseblock3.denselayer24.conv2.weight"].transpose(2, 3, 1, 0),
    )


def test_hrnet_of_paddle():
    state = renamed("ppmatting/modnet_hrnet_w18.layout.json", ("backbone.", ""))
    model = load_backbone(create_model("modnet_hrnet_w18", (None, None, 3)), state)
    np.testing.assert_array_equal(
        model.get_layer("backbone_transition3_4_bn").gamma,
        state["tr3.transition_tr3_layer_4._batch_norm.weight"],
    )


def test_missing_tensors_are_reported():
    model = create_model("gfm_resnet34_tt", (None, None, 3))
    with pytest.raises(
        ValueError, match="conv1.weight for our backbone_stem_conv/kernel .* missing"
    ):
        load_backbone(model, {"layer1.0.conv1.weight": np.zeros((64, 64, 3, 3), np.float32)})
    with pytest.raises(ValueError, match="no ImageNet checkpoints for the backbone of gca"):
        load_backbone(create_model("gca", (64, 64, 3)), {})
