"""Rename tables for PaddleSeg's HRNet, PP-Matting and MODNet on HRNet."""

from types import SimpleNamespace

from keras_matting.weights.modnet import NORMED


def _conv_bn(ours, published):
    return [(f"{ours}_conv", f"{published}._conv"), (f"{ours}_bn", f"{published}._batch_norm")]


def hrnet(prefix="backbone."):
    """Return HRNet's rows; a non-empty `prefix` ends with a dot."""
    module = rf"{prefix}st\1.stage_st\1_\2"
    ours = r"backbone_stage(\d)_module(\d)"
    block = rf"{module}.branches_func.bb_st\1_\2_branch_layer_\3_\4.conv\5"
    return [
        *_conv_bn(r"backbone_stem(\d)", rf"{prefix}conv_layer1_\1"),
        *_conv_bn(r"backbone_stage1_block(\d)_conv(\d)", rf"{prefix}la1.bb_layer2_\1.conv\2"),
        *_conv_bn(r"backbone_stage1_block(\d)_shortcut", rf"{prefix}la1.bb_layer2_\1.conv_down"),
        *_conv_bn(r"backbone_transition(\d)_(\d)", rf"{prefix}tr\1.transition_tr\1_layer_\2"),
        *_conv_bn(rf"{ours}_branch(\d)_block(\d)_conv(\d)", block),
        *_conv_bn(rf"{ours}_fuse([\d_]+)", rf"{module}.fuse_func.residual_st\1_\2_layer_\3"),
    ]


# the last module's outputs for the 1/8 and 1/16 branches, which none of these networks reads
_UNREAD = r"backbone\.st4\.stage_st4_3\.fuse_func\.residual_st4_3_layer_[23]_.+"

_ppmatting = SimpleNamespace(
    LAYERS=[
        *hrnet(),
        *[
            pair
            for i, bins in enumerate((1, 3, 5))
            for pair in _conv_bn(f"pyramid{bins}", f"scb.psp_module.stages.{i}.1")
        ],
        *_conv_bn("pyramid", "scb.psp_module.conv_bn_relu2"),
        *_conv_bn(r"side(\d)", r"scb.psps.\1.0"),
        *_conv_bn(r"semantic(\d)_(\d)", r"scb.scb_stages.\1.\2"),
        ("semantic_logit_conv", "scb.scb_stages.5.2"),
        *_conv_bn(r"detail(\d)_(\d)", r"hrdb.res_list.\1.conv\2"),
        *_conv_bn(r"detail(\d)_shortcut", r"hrdb.res_list.\1.short"),
        (r"detail(\d)_reduce_conv", r"hrdb.convs.\1"),
        ("detail_logit_conv", "hrdb.detail_conv"),
        (r"guidance(\d)_conv", r"hrdb.gf_list.\1"),
        (r"gate(\d)_0_bn", r"hrdb.gates.\1._gate_conv.0"),
        (r"gate(\d)_0_conv", r"hrdb.gates.\1._gate_conv.1"),
        (r"gate(\d)_1_conv", r"hrdb.gates.\1._gate_conv.3"),
        (r"gate(\d)_1_bn", r"hrdb.gates.\1._gate_conv.4"),
        (r"gate(\d)_conv", r"hrdb.gates.\1.conv"),
    ],
    HEADS=r"(?!)",
    IGNORED=_UNREAD,
    ALIASES={},
)
_MODNET = {ours: f"head.{published}" for ours, published in NORMED.items()}
_modnet = SimpleNamespace(
    LAYERS=[
        *hrnet(),
        *[(f"{o}_norm/instance_gamma", f"{p}.layers.1.inorm.scale") for o, p in _MODNET.items()],
        *[(f"{o}_norm/instance_beta", f"{p}.layers.1.inorm.bias") for o, p in _MODNET.items()],
        *[(f"{o}_norm", f"{p}.layers.1.bnorm") for o, p in _MODNET.items()],
        *[(f"{o}_conv", f"{p}.layers.0") for o, p in _MODNET.items()],
        ("semantic_se_reduce_conv", "head.lr_branch.se_block.conv.0"),
        ("semantic_se_expand_conv", "head.lr_branch.se_block.conv.2"),
        ("semantic_logit_conv", "head.lr_branch.conv_lr.layers.0"),
        ("detail_logit_conv", "head.hr_branch.conv_hr.1.layers.0"),
        ("alpha_logit_conv", "head.f_branch.conv_f.1.layers.0"),
    ],
    HEADS=r"head\.(lr_branch\.conv_lr|hr_branch\.conv_hr)\..+",
    IGNORED=rf"{_UNREAD}|blurer\..+",  # the loss's constant blur kernel
    ALIASES={},
)
TABLES = {
    "modnet_hrnet_w18": _modnet,
    "ppmatting_hrnet_w18": _ppmatting,
    "ppmatting_hrnet_w48": _ppmatting,
}
