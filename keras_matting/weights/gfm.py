"""Rename tables for JizhiziLi/GFM's checkpoints, which store the backbone under two names."""

from types import SimpleNamespace

from keras_matting.weights.torchvision import densenet, residual_stage


def _block(ours, published, place):
    return [(f"{ours}_conv", f"{published}.{place}"), (f"{ours}_bn", f"{published}.{place + 1}")]


_BRANCHES = {"glance": "g", "focus": "f"}
_DECODER = [
    ("pyramid1_conv", "psp_module.stages.0.1"),
    ("pyramid3_conv", "psp_module.stages.1.1"),
    ("pyramid5_conv", "psp_module.stages.2.1"),
    ("pyramid_conv", "psp_module.bottleneck"),
    *_block(r"context(\d)", r"psp\1", 0),
    *[pair for i in range(3) for pair in _block(f"bridge{i}", "bridge_block", 3 * i)],
    *[
        pair
        for ours, theirs in _BRANCHES.items()
        for i in range(3)
        for pair in _block(rf"{ours}(\d)_{i}", rf"decoder\1_{theirs}", 3 * i)
    ],
    *[
        pair
        for ours, theirs in _BRANCHES.items()
        for i in range(2)
        for pair in _block(rf"{ours}(_tt|_ft|_bt|)_head{i}", rf"decoder0_{theirs}\1", 3 * i)
    ],
    ("integrate_conv", "rim.0"),
    ("integrate_se_reduce_conv", "rim.1.fc.0"),
    ("integrate_se_expand_conv", "rim.1.fc.2"),
    ("integrate_logit_conv", "rim.2"),
]
_STEM = _block("(?:backbone|encoder)_stem", "encoder0", 0)


def _logits(place):
    return [
        (rf"{ours}(_tt|_ft|_bt|)_logit_conv", rf"decoder0_{theirs}\1.{place}")
        for ours, theirs in _BRANCHES.items()
    ]


def _table(layers, aliases, ignored):
    return SimpleNamespace(LAYERS=layers, HEADS=r"(?!)", IGNORED=ignored, ALIASES=aliases)


_STAGES = {f"resnet.layer{stage}.": f"encoder{stage}." for stage in (2, 3, 4)}
_RESNET = _table(
    [*_STEM, *residual_stage("1", r"encoder1.1.\2"), *residual_stage(r"\d", r"encoder\1.\2")]
    + [*_DECODER, *_logits(6)],
    {
        "resnet.conv1.": "encoder0.0.",
        "resnet.bn1.": "encoder0.1.",
        "resnet.layer1.": "encoder1.1.",
        **_STAGES,
    },
    r"resnet\.fc\..+",
)
_RESNET_2B = _table(
    # in its two extra stages, block 0 is a pool
    [
        pair
        for i in range(3)
        for pair in residual_stage("[56]", rf"encoder\1.{i + 1}", str(i), ours="encoder")
    ]
    + [*_STEM, *residual_stage(r"\d", r"encoder\1.\2"), *_DECODER, *_logits(0)],
    {"resnet.layer1.": "encoder1.", **_STAGES},
    r"(resnet\.(fc|conv1|bn1)|psp1)\..+",
)
_DENSENET = _table(
    [
        *_STEM,
        *densenet(r"encoder\1.0", r"encoder\1.1"),
        *_block("encoder_last", "encoder4", 1),
        *_DECODER,
        *_logits(6),
    ],
    {
        "densenet.features.conv0.": "encoder0.0.",
        "densenet.features.norm0.": "encoder0.1.",
        **{f"densenet.features.denseblock{i}.": f"encoder{i}.0." for i in (1, 2, 3, 4)},
        **{f"densenet.features.transition{i}.": f"encoder{i}.1." for i in (1, 2, 3)},
    },
    r"densenet\.(features\.norm5|classifier)\..+",
)
TABLES = {
    f"gfm_{backbone}_{representation}": table
    for backbone, table in (
        ("resnet34", _RESNET),
        ("resnet101", _RESNET),
        ("resnet34_2b", _RESNET_2B),
        ("densenet121", _DENSENET),
    )
    for representation in ("tt", "ft", "bt", "rim")
}
