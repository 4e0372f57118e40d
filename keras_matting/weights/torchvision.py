"""Rename tables for torchvision's backbones, whose names matting checkpoints keep."""


def mobilenet_v2(prefix, nested=False):
    """Return MobileNetV2's rows; `prefix` is the list of blocks, where 18 is the last convolution.

    `nested`: newer torchvision versions group a convolution, its norm and ReLU6 in a module.
    """
    expand, depthwise, project = ("0.0", "1.0", "2") if nested else ("0", "3", "6")
    first, first_project = ("0.0", "1") if nested else ("0", "3")
    return [
        *_conv_bn("backbone_stem", f"{prefix}.0.0"),
        *_conv_bn("backbone_block1_depthwise", f"{prefix}.1.conv.{first}"),
        *_conv_bn("backbone_block1_project", f"{prefix}.1.conv.{first_project}"),
        *_conv_bn(r"backbone_block(\d+)_expand", rf"{prefix}.\1.conv.{expand}"),
        *_conv_bn(r"backbone_block(\d+)_depthwise", rf"{prefix}.\1.conv.{depthwise}"),
        *_conv_bn(r"backbone_block(\d+)_project", rf"{prefix}.\1.conv.{project}"),
        *_conv_bn("backbone_last", f"{prefix}.18.0"),
    ]


def _conv_bn(ours, published):
    """Return rows for a convolution in a sequence, followed by its norm."""
    sequence, place = published.rsplit(".", 1)
    return [(f"{ours}_conv", published), (f"{ours}_bn", f"{sequence}.{int(place) + 1}")]


def resnet(prefix=""):
    """Return ResNet's rows; a non-empty `prefix` ends with a dot."""
    return [
        ("backbone_stem_conv", f"{prefix}conv1"),
        ("backbone_stem_bn", f"{prefix}bn1"),
        *residual_stage(r"\d", rf"{prefix}layer\1.\2"),
    ]


def residual_stage(stage, published, block=r"\d+", ours="backbone"):
    """Return a stage's rows; `published` refers to `stage` and `block` as groups 1 and 2."""
    ours = rf"{ours}_stage({stage})_block({block})"
    return [
        (rf"{ours}_conv(\d)_conv", rf"{published}.conv\3"),
        (rf"{ours}_conv(\d)_bn", rf"{published}.bn\3"),
        (rf"{ours}_shortcut_conv", f"{published}.downsample.0"),
        (rf"{ours}_shortcut_bn", f"{published}.downsample.1"),
    ]


def densenet(block, transition):
    """Return DenseNet's rows; `block` and `transition` are published modules with number \\1."""
    ours = r"backbone_dense(\d)_layer(\d+)"
    return [
        (rf"{ours}_(\d)_bn", rf"{block}.denselayer\2.norm\3"),
        (rf"{ours}_(\d)_conv", rf"{block}.denselayer\2.conv\3"),
        (r"backbone_transition(\d)_bn", f"{transition}.norm"),
        (r"backbone_transition(\d)_conv", f"{transition}.conv"),
    ]


def vgg16():
    """Return rows for torchvision's VGG16 without norms; ReLUs and pools count in its numbering."""
    places = iter((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28))
    return [
        (f"backbone_stage{stage}_{i}_conv", f"features.{next(places)}")
        for stage, repeats in enumerate((2, 2, 3, 3, 3), start=1)
        for i in range(1, repeats + 1)
    ]


def densenet121():
    """Return rows for torchvision's DenseNet-121."""
    return [
        ("backbone_stem_conv", "features.conv0"),
        ("backbone_stem_bn", "features.norm0"),
        *densenet(r"features.denseblock\1", r"features.transition\1"),
    ]
