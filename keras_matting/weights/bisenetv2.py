"""Rename table for CoinCheung/BiSeNet's bisenetv2 checkpoints."""

_NORMED = {  # modules with a convolution, .conv, and its norm, .bn
    r"detail(\d)_(\d)": r"detail.S\1.\2",
    "stem": "segment.S1S2.conv",
    r"stem_left(\d)": r"segment.S1S2.left.\1",
    "stem_fuse": "segment.S1S2.fuse",
    "context_reduce": "segment.S5_5.conv_gap",
    "context_fuse": "segment.S5_5.conv_last",
    "semantic_head": "head.conv",
    r"semantic5_(\d)_gather": r"segment.S5_4.\1.conv1",
    r"semantic(\d)_(\d)_gather": r"segment.S\1.\2.conv1",
    "auxiliary5_head": "aux5_4.conv",
    "auxiliary5_wide": "aux5_4.conv_out.0.1",
    r"auxiliary(\d)_head": r"aux\1.conv",
    r"auxiliary(\d)_wide": r"aux\1.conv_out.0.1",
}
_SEQUENCES = {  # a convolution at this index, its norm at the next
    "depthwise": "dwconv.0",
    "depthwise0": "dwconv1.0",
    "depthwise1": "dwconv2.0",
    "project": "conv2.0",
    "shortcut0": "shortcut.0",
    "shortcut1": "shortcut.2",
}


def _next(module):
    head, place = module.rsplit(".", 1)
    return f"{head}.{int(place) + 1}"


def _pairs(ours, published):
    return [(f"{ours}_conv", published), (f"{ours}_bn", _next(published))]


LAYERS = [
    *[(f"{ours}_conv", f"{published}.conv") for ours, published in _NORMED.items()],
    *[(f"{ours}_bn", f"{published}.bn") for ours, published in _NORMED.items()],
    *[
        pair
        for part, place in _SEQUENCES.items()
        for stage, theirs in (("5", "S5_4"), (r"(?P<s>\d)", r"S\g<s>"))
        for pair in _pairs(rf"semantic{stage}_(?P<i>\d)_{part}", rf"segment.{theirs}.\g<i>.{place}")
    ],
    ("context_mean_bn", "segment.S5_5.bn"),
    *_pairs("detail_keep0", "bga.left1.0"),
    ("detail_keep1_conv", "bga.left1.2"),
    *_pairs("detail_down", "bga.left2.0"),
    *_pairs("semantic_up", "bga.right1.0"),
    *_pairs("semantic_keep0", "bga.right2.0"),
    ("semantic_keep1_conv", "bga.right2.2"),
    *_pairs("aggregate", "bga.conv.0"),
    ("semantic_logit_conv", "head.conv_out.1"),
    ("auxiliary5_logit_conv", "aux5_4.conv_out.1"),
    (r"auxiliary(\d)_logit_conv", r"aux\1.conv_out.1"),
]
HEADS = r"aux\d(_4)?\..+"
IGNORED = r"(?!)"
ALIASES = {}
