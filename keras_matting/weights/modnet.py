"""The checkpoints of ZHKKKe/MODNet: published module name -> our layer."""

_BACKBONE = r"lr_branch\.backbone\.model\.features"
_NORMED = {  # a convolution, its IBNorm
    r"lr_branch\.conv_lr16x": "semantic16",
    r"lr_branch\.conv_lr8x": "semantic8",
    r"hr_branch\.tohr_enc2x": "detail_skip2",
    r"hr_branch\.tohr_enc4x": "detail_skip4",
    r"hr_branch\.conv_enc2x": "detail_down",
    r"hr_branch\.conv_enc4x": "detail_merge",
    r"hr_branch\.conv_hr4x\.(\d)": r"detail4_\1",
    r"hr_branch\.conv_hr2x\.(\d)": r"detail2_\1",
    r"hr_branch\.conv_hr\.0": "detail1",
    r"f_branch\.conv_lr4x": "fusion4",
    r"f_branch\.conv_f2x": "fusion2",
    r"f_branch\.conv_f\.0": "fusion1",
}
LAYERS = [
    (rf"{_BACKBONE}\.0\.0", "backbone_stem_conv"),
    (rf"{_BACKBONE}\.0\.1", "backbone_stem_bn"),
    (rf"{_BACKBONE}\.1\.conv\.0", "backbone_block1_depthwise_conv"),
    (rf"{_BACKBONE}\.1\.conv\.1", "backbone_block1_depthwise_bn"),
    (rf"{_BACKBONE}\.1\.conv\.3", "backbone_block1_project_conv"),
    (rf"{_BACKBONE}\.1\.conv\.4", "backbone_block1_project_bn"),
    (rf"{_BACKBONE}\.(\d+)\.conv\.0", r"backbone_block\1_expand_conv"),
    (rf"{_BACKBONE}\.(\d+)\.conv\.1", r"backbone_block\1_expand_bn"),
    (rf"{_BACKBONE}\.(\d+)\.conv\.3", r"backbone_block\1_depthwise_conv"),
    (rf"{_BACKBONE}\.(\d+)\.conv\.4", r"backbone_block\1_depthwise_bn"),
    (rf"{_BACKBONE}\.(\d+)\.conv\.6", r"backbone_block\1_project_conv"),
    (rf"{_BACKBONE}\.(\d+)\.conv\.7", r"backbone_block\1_project_bn"),
    (rf"{_BACKBONE}\.18\.0", "backbone_last_conv"),
    (rf"{_BACKBONE}\.18\.1", "backbone_last_bn"),
    (r"lr_branch\.se_block\.fc\.0", "semantic_se_reduce_conv"),
    (r"lr_branch\.se_block\.fc\.2", "semantic_se_expand_conv"),
    (r"lr_branch\.conv_lr\.layers\.0", "semantic_logit_conv"),
    (r"hr_branch\.conv_hr\.1\.layers\.0", "detail_logit_conv"),
    (r"f_branch\.conv_f\.1\.layers\.0", "alpha_logit_conv"),
    *[(rf"{published}\.layers\.0", f"{ours}_conv") for published, ours in _NORMED.items()],
    *[(rf"{published}\.layers\.1\.bnorm", f"{ours}_norm") for published, ours in _NORMED.items()],
]
HEADS = r"semantic_logit_conv|detail1_(conv|norm)|detail_logit_conv"
# the backbone is registered twice, and the later name wins on loading
ALIASES = {"backbone.": "lr_branch.backbone."}
