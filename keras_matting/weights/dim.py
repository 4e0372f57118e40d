"""Rename tables for huochaitiantang/pytorch-deep-image-matting and PaddleSeg's DIM."""

from types import SimpleNamespace


def _table(layers, heads):
    return SimpleNamespace(LAYERS=layers, HEADS=heads, IGNORED=r"(?!)", ALIASES={})


_UNPOOLING = [
    (r"backbone_stage(\d)_(\d)_conv", r"conv\1_\2"),
    ("bottom_conv", "conv6_1"),
    (r"decoder(\d)_conv", r"deconv\1_1"),
    ("alpha_raw_logit_conv", "deconv1"),
    *[(f"refine{i}_conv", f"refine_conv{i + 1}") for i in range(3)],
    ("refine_logit_conv", "refine_pred"),
]
_BILINEAR = [
    (r"backbone_stage(\d)_(\d)_conv", r"backbone._conv_block_\1._conv_\2"),
    ("bottom_conv", "backbone._conv_6"),
    ("decoder6_conv", "decoder.deconv6"),
    (r"decoder(\d)_conv", r"decoder.deconv\1.conv._conv"),
    (r"decoder(\d)_bn", r"decoder.deconv\1.conv._batch_norm"),
    ("alpha_raw_logit_conv", "decoder.alpha_conv"),
    *[(f"refine{i}_conv", f"refine.conv{i + 1}._conv") for i in range(3)],
    *[(f"refine{i}_bn", f"refine.conv{i + 1}._batch_norm") for i in range(3)],
    ("refine_logit_conv", "refine.alpha_pred._conv"),
    ("refine_logit_bn", "refine.alpha_pred._batch_norm"),
]
TABLES = {
    "dim_vgg16": _table(_UNPOOLING, r"refine_\w+\..+"),
    "dim_vgg16_bilinear": _table(_BILINEAR, r"refine\..+"),
}
