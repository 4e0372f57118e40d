"""Names of torchvision's backbones, which published matting checkpoints keep."""


def mobilenet_v2(prefix):
    """`prefix` is the module of the list of blocks; the last 1x1 convolution is block 18."""
    block = rf"{prefix}.\1.conv"
    return [
        ("backbone_stem_conv", f"{prefix}.0.0"),
        ("backbone_stem_bn", f"{prefix}.0.1"),
        ("backbone_block1_depthwise_conv", f"{prefix}.1.conv.0"),
        ("backbone_block1_depthwise_bn", f"{prefix}.1.conv.1"),
        ("backbone_block1_project_conv", f"{prefix}.1.conv.3"),
        ("backbone_block1_project_bn", f"{prefix}.1.conv.4"),
        (r"backbone_block(\d+)_expand_conv", f"{block}.0"),
        (r"backbone_block(\d+)_expand_bn", f"{block}.1"),
        (r"backbone_block(\d+)_depthwise_conv", f"{block}.3"),
        (r"backbone_block(\d+)_depthwise_bn", f"{block}.4"),
        (r"backbone_block(\d+)_project_conv", f"{block}.6"),
        (r"backbone_block(\d+)_project_bn", f"{block}.7"),
        ("backbone_last_conv", f"{prefix}.18.0"),
        ("backbone_last_bn", f"{prefix}.18.1"),
    ]


def resnet(prefix=""):
    """`prefix` ends with a dot where it is not empty."""
    return [
        ("backbone_stem_conv", f"{prefix}conv1"),
        ("backbone_stem_bn", f"{prefix}bn1"),
        *residual_stage(r"\d", rf"{prefix}layer\1.\2"),
    ]


def residual_stage(stage, published, block=r"\d+"):
    """Patterns `stage` and `block` are groups 1 and 2 of our names, for the `published` module."""
    ours = rf"backbone_stage({stage})_block({block})"
    return [
        (rf"{ours}_conv(\d)_conv", rf"{published}.conv\3"),
        (rf"{ours}_conv(\d)_bn", rf"{published}.bn\3"),
        (rf"{ours}_shortcut_conv", f"{published}.downsample.0"),
        (rf"{ours}_shortcut_bn", f"{published}.downsample.1"),
    ]


def densenet(block, transition):
    """`block` and `transition` are the published modules of number \\1."""
    ours = r"backbone_dense(\d)_layer(\d+)"
    return [
        (rf"{ours}_(\d)_bn", rf"{block}.denselayer\2.norm\3"),
        (rf"{ours}_(\d)_conv", rf"{block}.denselayer\2.conv\3"),
        (r"backbone_transition(\d)_bn", f"{transition}.norm"),
        (r"backbone_transition(\d)_conv", f"{transition}.conv"),
    ]
