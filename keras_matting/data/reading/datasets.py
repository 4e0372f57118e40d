"""Published datasets in their own folder layouts, one row of `DATASETS` each.

    read("am2k", "/data/AM-2k")                                       image, alpha
    read("am2k_layers", "/data/AM-2k", roles=("foreground", "alpha"))
    read("p3m10k", "/data/P3M-10k", split="p3m_500_p")                image, alpha, trimap

A row holds the patterns of `files.match` for every split. docs/datasets.md lists where to get each
dataset, its licence and its folder tree.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from keras_matting.data.reading import files, readers
from keras_matting.data.source import Source

# "people" is not a role but COCO's instances file: pictures that show a person are skipped.
DATASETS = {
    "aim500": {
        "test": {"image": "original/*", "alpha": "mask/*", "trimap": "trimap/*"},
    },
    "am2k": {
        "train": {"image": "train/original/*", "alpha": "train/mask/*"},
        "validation": {
            "image": "validation/original/*",
            "alpha": "validation/mask/*",
            "trimap": "validation/trimap/*",
        },
    },
    "am2k_layers": {
        "train": {
            "image": "train/original/*",
            "alpha": "train/mask/*",
            "foreground": "train/fg/*",
            "background": "train/bg/*",
            "foreground_denoised": "train/fg_denoise/*",
        },
    },
    "bg20k": {
        "train": {"background": "train/*"},
        "test": {"background": "testval/*"},
    },
    "bg20k_denoised": {
        "train": {"background": "train/*", "background_denoised": "train_denoise/*"},
    },
    "cityscapes": {
        "train": {
            "image": "leftImg8bit/train/*/*_leftImg8bit",
            "label_ids": "gtFine/train/*/*_gtFine_labelIds",
        },
        "validation": {
            "image": "leftImg8bit/val/*/*_leftImg8bit",
            "label_ids": "gtFine/val/*/*_gtFine_labelIds",
        },
    },
    "coco": {
        "train": {"background": "train2017/*"},
        "validation": {"background": "val2017/*"},
    },
    "coco_without_people": {
        "train": {
            "background": "train2017/*",
            "people": "annotations/instances_train2017.json",
        },
        "validation": {
            "background": "val2017/*",
            "people": "annotations/instances_val2017.json",
        },
    },
    "coco2014": {
        "train": {"background": "train2014/*"},
        "validation": {"background": "val2014/*"},
    },
    "composition1k": {
        "train": {"foreground": "Training_set/*/fg/*", "alpha": "Training_set/*/alpha/*"},
        "test": {"foreground": "Test_set/*/fg/*", "alpha": "Test_set/*/alpha/*"},
    },
    "composition1k_merged": {  # what `keras-matting data compose-test` makes
        "test": {"image": "merged/*", "alpha": "alpha/*", "trimap": "trimaps/*"},
    },
    "distinctions646": {
        "train": {"foreground": "Train/FG/*", "alpha": "Train/GT/*"},
        "test": {"foreground": "Test/FG/*", "alpha": "Test/GT/*"},
    },
    "distinctions646_merged": {  # the same
        "test": {"image": "merged/*", "alpha": "alpha/*", "trimap": "trimaps/*"},
    },
    "p3m10k": {
        "train": {"image": "train/blurred_image/*", "alpha": "train/mask/*"},
        "p3m_500_p": {
            "image": "validation/P3M-500-P/blurred_image/*",
            "alpha": "validation/P3M-500-P/mask/*",
            "trimap": "validation/P3M-500-P/trimap/*",
        },
        "p3m_500_np": {
            "image": "validation/P3M-500-NP/original_image/*",
            "alpha": "validation/P3M-500-NP/mask/*",
            "trimap": "validation/P3M-500-NP/trimap/*",
        },
    },
    "photomatte85": {
        "test": {"cutout": "*"},
    },
    "ppm100": {
        "test": {"image": "image/*", "alpha": "matte/*"},
    },
    "videomatte240k": {
        "train": {"foreground": "train/fgr/*/*", "alpha": "train/pha/*/*"},
        "test": {"foreground": "test/fgr/*/*", "alpha": "test/pha/*/*"},
    },
}


def read(
    name: str,
    directory: str,
    split: str = "train",
    roles: Sequence[str] | None = None,
    verify: bool = True,
) -> Source:
    """Return a split as a Source of uint8 tensors: (h, w, 3) colours, (h, w, 1) for the rest.

    `roles` selects some of the row's roles. Raises what `find` raises. With `verify`, decodes every
    file once and raises ValueError naming those that are truncated, 16-bit, CMYK, of a different
    size than their partner, or not a valid alpha or trimap.
    """
    samples = find(name, directory, split, roles)
    if verify:
        files.check(directory, samples, exact=name in readers.LAYOUTS)
    return files.source(samples)


def find(
    name: str, directory: str, split: str = "train", roles: Sequence[str] | None = None
) -> list[dict[str, Path]]:
    """Return {role: file} for every sample of a dataset, or of a plain folder (`readers.LAYOUTS`).

    Raises ValueError for an unknown name, split or role and for files without a partner, and
    FileNotFoundError for a missing folder. The message ends with the expected layout.
    """
    layout = dict(_choose(_choose(_rows(), name, "dataset"), split, f"split of {name}"))
    people = layout.pop("people", None)
    if roles:
        layout = {role: _choose(layout, role, f"role in {name}") for role in roles}
    try:
        samples = files.match(directory, layout)
        if people:
            left_out = _with_people(Path(directory, people))
            samples = [s for s in samples if s["background"].name not in left_out]
    except (FileNotFoundError, ValueError) as error:
        shown = ", ".join(f"{role} in {pattern}" for role, pattern in layout.items())
        raise type(error)(f"{error} The layout of {name} ({split}) is: {shown}.") from None
    if not samples:
        raise ValueError(f"every picture in {directory} shows people: add pictures without people.")
    return samples


def _rows():
    plain = {name: {"train": layout} for name, layout in readers.LAYOUTS.items()}
    return DATASETS | plain


def _choose(table, key, kind):
    if key not in table:
        raise ValueError(f"unknown {kind} {key!r}; use one of {', '.join(table)}.")
    return table[key]


def _with_people(path):
    """Return the names of the pictures in which COCO's instances_*.json marks a person."""
    try:
        instances = json.loads(path.read_bytes())
        person = next(c["id"] for c in instances["categories"] if c["name"] == "person")
        pictures = {a["image_id"] for a in instances["annotations"] if a["category_id"] == person}
        return {i["file_name"] for i in instances["images"] if i["id"] in pictures}
    except OSError as error:
        raise FileNotFoundError(
            f"cannot read {path} ({error.strerror}): unpack COCO's annotations beside the "
            "pictures, or use the dataset with people."
        ) from None
    except (ValueError, KeyError, TypeError, StopIteration):
        raise ValueError(f"{path} is not a COCO instances file: download it again.") from None
