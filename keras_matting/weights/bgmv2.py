"""Rename tables for PeterL1n/BackgroundMattingV2's checkpoints."""

from types import SimpleNamespace

from keras_matting.weights.torchvision import mobilenet_v2, resnet

_RATES = {1: 0, 3: 1, 6: 2, 9: 3}  # rate: index of the branch
ASPP = [
    *[(f"aspp_rate{rate}_conv", f"aspp.convs.{i}.0") for rate, i in _RATES.items()],
    *[(f"aspp_rate{rate}_bn", f"aspp.convs.{i}.1") for rate, i in _RATES.items()],
    ("aspp_mean_conv", "aspp.convs.4.1"),
    ("aspp_mean_bn", "aspp.convs.4.2"),
    ("aspp_conv", "aspp.project.0"),
    ("aspp_bn", "aspp.project.1"),
]
_HEADS = [
    *ASPP,
    *[(f"decoder{i}_conv", f"decoder.conv{i + 1}") for i in range(4)],
    *[(f"decoder{i}_bn", f"decoder.bn{i + 1}") for i in range(3)],
    *[(f"refine{i}_conv", f"refiner.conv{i + 1}") for i in range(4)],
    *[(f"refine{i}_bn", f"refiner.bn{i + 1}") for i in range(3)],
]
_BACKBONES = {
    "mobilenetv2": mobilenet_v2("backbone.features", nested=True),
    "resnet50": resnet("backbone."),
    "resnet101": resnet("backbone."),
}
TABLES = {
    # a base network also loads the checkpoint of a refining one
    f"bgmv2_{kind}{backbone}": SimpleNamespace(
        LAYERS=_HEADS + layers,
        HEADS=r"refiner\..+" if kind else r"(?!)",
        IGNORED=r"(?!)",
        ALIASES={},
    )
    for kind in ("base_", "")
    for backbone, layers in _BACKBONES.items()
}
