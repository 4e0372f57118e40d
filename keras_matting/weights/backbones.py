"""How `load_backbone` reads the files of `published.BACKBONES`."""

from dataclasses import dataclass
from fnmatch import fnmatch

from keras_matting.weights import bgmv2, bisenetv2, gca, hrnet, paddle, torchvision


@dataclass(frozen=True)
class Family:
    """Which of our layers a checkpoint fills, by which of the tables `forms`.

    It may lack all tensors of a layer that matches `optional`.
    """

    forms: list
    layers: str = "backbone_.+"
    optional: str = "(?!)"


def _within(prefix, rows):
    """Return the rows whose published names begin with `prefix`, without it."""
    return [
        (pattern, published.removeprefix(prefix))
        for pattern, published in rows
        if published.startswith(prefix)
    ]


def _deeplab(backbone):
    """Return tables for torchvision's DeepLabV3 and for that of VainF, then for the backbone."""
    heads = [(ours, name.removeprefix("aspp.")) for ours, name in bgmv2.ASPP]
    in_deeplab = [(ours, f"backbone.{name}") for ours, name in backbone[0]]
    return [
        *[
            [*in_deeplab, *[(ours, f"{module}.{name}") for ours, name in heads]]
            for module in ("classifier.0", "classifier.classifier.0")
        ],
        *backbone,
    ]


# pattern of variants: the first that matches applies
FAMILIES = {
    "bgmv2*mobilenetv2*": Family(
        [
            *_deeplab([torchvision.mobilenet_v2("features", nested=True)]),
            torchvision.mobilenet_v2("features"),
        ],
        "(backbone|aspp)_.+",
        "aspp_.+",
    ),
    "bgmv2*resnet*": Family(_deeplab([torchvision.resnet()]), "(backbone|aspp)_.+", "aspp_.+"),
    "*mobilenetv2*": Family(
        [torchvision.mobilenet_v2("features", nested=True), torchvision.mobilenet_v2("features")]
    ),
    "*resnet*": Family([torchvision.resnet()]),
    "*densenet121*": Family([torchvision.densenet121()]),
    "*vgg16*": Family([torchvision.vgg16()]),
    "*hrnet*": Family([paddle.hrnet(""), hrnet.CLASSIFICATION]),
    # without attention, which the file has no tensors of
    "gca": Family([_within("encoder.", gca.LAYERS)], r"encoder(\d|_stage\d_block.+)_(conv|bn)"),
    # head and boosters are not in the file, bga may be
    "bisenetv2": Family(
        [bisenetv2.LAYERS],
        r"(detail|stem|semantic\d|context|semantic_(up|keep)|aggregate)\w*",
        r"(detail_(keep|down)|semantic_(up|keep)|aggregate)\w*",
    ),
}


def family(name):
    """Return the Family of a variant, or None."""
    return next((row for pattern, row in FAMILIES.items() if fnmatch(name, pattern)), None)
