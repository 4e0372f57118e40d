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
    block = rf"{prefix}layer\1.\2"
    return [
        ("backbone_stem_conv", f"{prefix}conv1"),
        ("backbone_stem_bn", f"{prefix}bn1"),
        (r"backbone_stage(\d)_block(\d+)_(conv\d)_conv", rf"{block}.\3"),
        (r"backbone_stage(\d)_block(\d+)_conv(\d)_bn", rf"{block}.bn\3"),
        (r"backbone_stage(\d)_block(\d+)_shortcut_conv", f"{block}.downsample.0"),
        (r"backbone_stage(\d)_block(\d+)_shortcut_bn", f"{block}.downsample.1"),
    ]
