"""Rename table for ZHKKKe/MODNet's checkpoints."""

from keras_matting.weights.torchvision import mobilenet_v2

NORMED = {  # modules with a convolution and its IBNorm
    "semantic16": "lr_branch.conv_lr16x",
    "semantic8": "lr_branch.conv_lr8x",
    "detail_skip2": "hr_branch.tohr_enc2x",
    "detail_skip4": "hr_branch.tohr_enc4x",
    "detail_down": "hr_branch.conv_enc2x",
    "detail_merge": "hr_branch.conv_enc4x",
    r"detail4_(\d)": r"hr_branch.conv_hr4x.\1",
    r"detail2_(\d)": r"hr_branch.conv_hr2x.\1",
    "detail1": "hr_branch.conv_hr.0",
    "fusion4": "f_branch.conv_lr4x",
    "fusion2": "f_branch.conv_f2x",
    "fusion1": "f_branch.conv_f.0",
}
LAYERS = [
    *mobilenet_v2("lr_branch.backbone.model.features"),
    ("semantic_se_reduce_conv", "lr_branch.se_block.fc.0"),
    ("semantic_se_expand_conv", "lr_branch.se_block.fc.2"),
    ("semantic_logit_conv", "lr_branch.conv_lr.layers.0"),
    ("detail_logit_conv", "hr_branch.conv_hr.1.layers.0"),
    ("alpha_logit_conv", "f_branch.conv_f.1.layers.0"),
    *[(f"{ours}_conv", f"{published}.layers.0") for ours, published in NORMED.items()],
    *[(f"{ours}_norm", f"{published}.layers.1.bnorm") for ours, published in NORMED.items()],
]
HEADS = r"lr_branch\.conv_lr\..+|hr_branch\.conv_hr\..+"
IGNORED = r"(?!)"
# the backbone is registered twice; when loading, the later name takes precedence
ALIASES = {"backbone.": "lr_branch.backbone."}
