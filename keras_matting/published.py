"""Published checkpoints by name: the networks they are of, their origin, licence and address.

docs/checkpoints.md describes them. `BACKBONES` are the encoders that trainings start from.
`keras-matting weights fetch` downloads and converts them into
the user's cache, where `create_model(variant, weights="published:NAME")` finds them.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

PREFIX = "published:"

_BGMV2 = "https://github.com/PeterL1n/BackgroundMattingV2"
_BISENET = "https://github.com/CoinCheung/BiSeNet"
_DIM = "https://github.com/huochaitiantang/pytorch-deep-image-matting"
_GCA = "https://github.com/Yaoyi-Li/GCA-Matting"
_GFM = "https://github.com/JizhiziLi/GFM"
_MODNET = "https://github.com/ZHKKKe/MODNet"
_PADDLE = "https://github.com/PaddlePaddle/PaddleSeg/tree/release/2.9/Matting"
# files of Google Drive in Intel's Open Model Zoo
_OPENVINO = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/public/2022.2"
_PADDLE_FILES = "https://paddleseg.bj.bcebos.com/matting/models"
_ADOBE = "non-commercial (Adobe)"


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint.

    `variants` are the networks that it is of, built with `options`. `page` is where it is
    published, `url` a plain address or None. `licence` is that of the weights as stated;
    `restricted` ones are, or may be, for non-commercial use only. `megabytes` are those of the
    tensors if the file's are not stated. `sha256` is None where it is not known.
    """

    variants: tuple[str, ...]
    page: str
    file: str
    megabytes: int
    licence: str
    url: str | None = None
    sha256: str | None = None
    restricted: bool = False
    options: dict = field(default_factory=dict)


def _modnet(kind, sha256):
    file = f"modnet_{kind}_portrait_matting.ckpt"
    url = f"{_OPENVINO}/modnet-{kind}-portrait-matting/{file}"
    return Checkpoint(("modnet_mobilenetv2",), _MODNET, file, 26, "Apache-2.0", url, sha256)


def _paddle(variant, file, megabytes):
    url = f"{_PADDLE_FILES}/{file}"
    return Checkpoint((variant,), _PADDLE, file, megabytes, "not stated", url)


def _bgmv2(backbone, megabytes):
    file = f"pytorch_{backbone}.pth"
    variants = f"bgmv2_{backbone}", f"bgmv2_base_{backbone}"
    url = f"{_BGMV2}/releases/download/v1.0.0/{file}"
    return Checkpoint(variants, _BGMV2, file, megabytes, "MIT", url)


def _gfm(variant, megabytes):
    return Checkpoint((variant,), _GFM, f"{variant}.pth", megabytes, "MIT")


def _gca(file):
    return Checkpoint(("gca",), _GCA, file, 97, _ADOBE, restricted=True)


PUBLISHED = {
    "modnet_photographic": _modnet(
        "photographic", "7c22235f0925deba15d4d63e53afcb654c47055bbcd98f56e393ab2584007ed8"
    ),
    "modnet_webcam": _modnet(
        "webcam", "913b82b66558db39b6286c150f809017d7528c872b156eb14333c9c6cb52108b"
    ),
    "modnet_hrnet_w18": _paddle("modnet_hrnet_w18", "modnet-hrnet_w18.pdparams", 41),
    "ppmatting_human_512": _paddle(
        "ppmatting_hrnet_w18", "ppmatting-hrnet_w18-human_512.pdparams", 98
    ),
    "ppmatting_human_1024": _paddle(
        "ppmatting_hrnet_w18", "ppmatting-hrnet_w18-human_1024.pdparams", 98
    ),
    "ppmatting_composition": _paddle(
        "ppmatting_hrnet_w48", "ppmatting-hrnet_w48-composition.pdparams", 345
    ),
    "ppmatting_distinctions": _paddle(
        "ppmatting_hrnet_w48", "ppmatting-hrnet_w48-distinctions.pdparams", 345
    ),
    "dim_paddle": _paddle("dim_vgg16_bilinear", "dim-vgg16.pdparams", 114),
    "dim_stage1": Checkpoint(
        ("dim_vgg16",),
        _DIM,
        "stage1_skip_sad_52.9.pth",
        113,
        _ADOBE,
        f"{_DIM}/releases/download/V1.5/stage1_skip_sad_52.9.pth",
        restricted=True,
        options={"refinement": False},
    ),
    "gca_dist": _gca("gca-dist.pth"),
    "gca_dist_all_data": _gca("gca-dist-all-data.pth"),
    "gfm_resnet34_tt": _gfm("gfm_resnet34_tt", 307),
    "gfm_resnet34_ft": _gfm("gfm_resnet34_ft", 307),
    "gfm_resnet34_bt": _gfm("gfm_resnet34_bt", 307),
    "gfm_densenet121_tt": _gfm("gfm_densenet121_tt", 216),
    "gfm_densenet121_rim": _gfm("gfm_densenet121_rim", 218),
    "gfm_resnet34_2b_tt": _gfm("gfm_resnet34_2b_tt", 589),
    "gfm_resnet101_tt": _gfm("gfm_resnet101_tt", 2160),
    "bgmv2_mobilenetv2": _bgmv2("mobilenetv2", 20),
    "bgmv2_resnet50": _bgmv2("resnet50", 161),
    "bgmv2_resnet101": _bgmv2("resnet101", 237),
    "bisenetv2_cityscapes": Checkpoint(
        ("bisenetv2",),
        _BISENET,
        "model_final_v2_city.pth",
        21,
        "not stated (data: non-commercial)",
        f"{_BISENET}/releases/download/0.0.0/model_final_v2_city.pth",
        restricted=True,
    ),
    "bisenetv2_coco": Checkpoint(
        ("bisenetv2",),
        _BISENET,
        "model_final_v2_coco.pth",
        23,
        "not stated",
        f"{_BISENET}/releases/download/0.0.0/model_final_v2_coco.pth",
        options={"num_classes": 171},
    ),
}


def checkpoint(name: str) -> Checkpoint:
    """Return the checkpoint of this name; raises ValueError on an unknown one."""
    if name not in PUBLISHED:
        raise ValueError(
            f"unknown published network {name}; keras-matting weights list shows their names"
        )
    return PUBLISHED[name]


def cache_folder() -> Path:
    """Return the folder in the user's cache for checkpoints and their converted weights."""
    import pooch  # takes a while

    return Path(pooch.os_cache("keras_matting"))


def converted(name: str, variant: str) -> Path:
    """Return the path of the converted weights of a checkpoint, whether they exist or not."""
    return cache_folder() / f"{name}-{variant}.weights.h5"


def weights_file(name: str, variant: str) -> Path:
    """Return the path of a checkpoint's weights for `variant`.

    Raises ValueError if the checkpoint is not of this network, and FileNotFoundError if it has not
    been fetched.
    """
    variants = checkpoint(name).variants
    if variant not in variants:
        raise ValueError(f"{PREFIX}{name} has weights for {' and '.join(variants)}, not {variant}")
    path = converted(name, variant)
    if not path.is_file():
        raise FileNotFoundError(
            f"{PREFIX}{name} is not in the cache; run keras-matting weights fetch {name}"
        )
    return path


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


def backbone_of(name):
    """Return the first row for a network, or None."""
    fits = (row for row in BACKBONES if any(fnmatch(name, pattern) for pattern in row.networks))
    return next(fits, None)
