"""What the encoders of the networks start from: published files, their layouts and licences.

`BACKBONES` lists the files, `FAMILIES` how `load_backbone` reads them.
"""

from dataclasses import dataclass
from fnmatch import fnmatch

from keras_matting.weights import bgmv2, bisenetv2, gca, hrnet, paddle, torchvision

APPLICATIONS = "keras.applications"
_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"
_TORCH = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class Backbone:
    """A published encoder: the networks that start from it, file, address and licence.

    `networks` are patterns of variants. A file of "keras.applications" is loaded without a flag.
    `note` says where it differs from what the release starts from.
    """

    networks: tuple[str, ...]
    file: str
    url: str
    licence: str
    note: str = ""


# the first row of a network is what --backbone imagenet asks for; more may follow
BACKBONES = [
    Backbone(
        ("modnet_mobilenetv2*", "gfm_mobilenetv2_*", "ppmatting_mobilenetv2_*"),
        APPLICATIONS,
        f"{_APPLICATIONS}/mobilenet_v2/",
        "Apache-2.0",
    ),
    Backbone(("gfm_densenet121_*",), APPLICATIONS, f"{_APPLICATIONS}/densenet/", "Apache-2.0"),
    Backbone(
        ("dim_vgg16", "dim_vgg16_bilinear"), APPLICATIONS, f"{_APPLICATIONS}/vgg16/", "CC BY 4.0"
    ),
    Backbone(
        ("gfm_resnet34*",),
        "resnet34-b627a593.pth",
        f"{_TORCH}/resnet34-b627a593.pth",
        "BSD-3-Clause",
    ),
    Backbone(
        ("gfm_resnet101*",),
        "resnet101-63fe2227.pth",
        f"{_TORCH}/resnet101-63fe2227.pth",
        "BSD-3-Clause",
    ),
    *[
        Backbone(
            (f"bgmv2_{backbone}", f"bgmv2_base_{backbone}"),
            f"deeplabv3_{backbone}_coco-{code}.pth",
            f"{_TORCH}/deeplabv3_{backbone}_coco-{code}.pth",
            "BSD-3-Clause",
            "the release starts from VainF/DeepLabV3Plus-Pytorch, which is read as well",
        )
        for backbone, code in (("resnet50", "cd0a2569"), ("resnet101", "586e9e4e"))
    ],
    Backbone(
        ("bgmv2_mobilenetv2", "bgmv2_base_mobilenetv2"),
        "best_deeplabv3_mobilenet_voc_os16.pth",
        "https://github.com/VainF/DeepLabV3Plus-Pytorch",
        "MIT (code)",
    ),
    Backbone(
        ("bgmv2*_mobilenetv2*", "dim_mobilenetv2_mobile"),
        "mobilenet_v2-b0353104.pth",
        f"{_TORCH}/mobilenet_v2-b0353104.pth",
        "BSD-3-Clause",
    ),
    Backbone(
        ("*mobilenetv2*",),
        "mobilenet_v2_1.0_224_quant.tflite",
        "https://storage.googleapis.com/download.tensorflow.org/models/tflite_11_05_08/"
        "mobilenet_v2_1.0_224_quant.tgz",
        "Apache-2.0",
        "quantised; needs pictures",
    ),
    *[
        Backbone(
            (f"*_hrnet_{width}*",),
            f"hrnet_{width}_ssld",
            f"https://bj.bcebos.com/paddleseg/dygraph/hrnet_{width}_ssld.tar.gz",
            "Apache-2.0 (code)",
            "unpack model.pdparams",
        )
        for width in ("w18", "w48")
    ],
    *[
        Backbone(
            (f"*_hrnet_{width}*",),
            f"hrnet_{width} of timm",
            "https://huggingface.co/timm",
            "MIT",
            "or hrnetv2_*_imagenet_pretrained.pth of its authors; padded differently",
        )
        for width in ("w18", "w48")
    ],
    Backbone(
        ("gca",),
        "model_best_resnet34_En_nomixup.pth",
        "https://github.com/Yaoyi-Li/GCA-Matting",
        "MIT (code)",
        "on Google Drive",
    ),
    Backbone(
        ("bisenetv2",),
        "backbone_v2.pth",
        "https://github.com/CoinCheung/BiSeNet/releases/download/0.0.0/backbone_v2.pth",
        "MIT (code)",
    ),
]


def of_variant(name):
    """Return the first row for a network, or None."""
    fits = (row for row in BACKBONES if any(fnmatch(name, pattern) for pattern in row.networks))
    return next(fits, None)


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
