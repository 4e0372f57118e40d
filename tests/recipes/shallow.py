"""Networks with one or two blocks per stage: all kinds of layers, and much faster to trace."""

from keras_matting.backbones import densenet, hrnet, mobilenet_v2, resnet
from keras_matting.models import gca

# a second block in a stage has no shortcut convolution
TABLES = [
    (densenet, "DEPTHS", (2, 2, 2, 2)),
    (hrnet, "MODULES", {2: 1, 3: 1, 4: 1}),
    (resnet, "DEPTHS", {name: ((2, 1, 1, 1), kind) for name, (_, kind) in resnet.DEPTHS.items()}),
    (
        mobilenet_v2,
        "STAGES",
        [
            (expansion, channels, 2 if stage == 4 else 1, strides)
            for stage, (expansion, channels, _, strides) in enumerate(mobilenet_v2.STAGES, start=1)
        ],
    ),
    (
        gca,
        "VARIANTS",
        gca.VARIANTS
        | {"gca": gca.VARIANTS["gca"] | dict(encoder=(2, 1, 1, 1), decoder=(2, 1, 1, 1))},
    ),
]


def apply(set_attribute=setattr):
    """Replace the tables of depths; `monkeypatch.setattr` does it for one test."""
    for module, name, table in TABLES:
        set_attribute(module, name, table)
