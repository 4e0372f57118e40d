"""Folders of pictures as Sources: cut-outs, foreground and alpha pairs, backgrounds, photographs.

    rgba("cutouts")                     cutouts/anna.png ...                     (colour + alpha)
    foreground_alpha("adobe")           adobe/foreground/a.jpg + adobe/alpha/a.png
    backgrounds("bg20k")                bg20k/street.jpg ...
    images("photographs")               photographs/me.jpg ...                   (no alpha known)

Folders are flat; `datasets` reads published datasets in their own layouts, and `files` says which
files are taken. Every file is decoded once when a reader is made, so that a bad one is named then
and not after hours of training; `verify=False` skips this for a folder that has passed before.
"""

from keras_matting.data.reading import files
from keras_matting.data.source import Source

LAYOUTS = {
    "rgba": {"cutout": "*"},
    "foreground_alpha": {"foreground": "foreground/*", "alpha": "alpha/*"},
    "backgrounds": {"background": "*"},
    "images": {"image": "*"},
    "photographs": {"image": "image/*", "alpha": "alpha/*", "foreground": "foreground/*"},
    "photographs_with_alpha": {"image": "image/*", "alpha": "alpha/*"},
}


def rgba(directory: str, verify: bool = True) -> Source:
    """Cut-outs with an alpha channel (8-bit RGBA, or a palette with transparency).

    Raises FileNotFoundError for a missing or empty folder, ValueError naming every bad file.
    """
    return files.read(directory, LAYOUTS["rgba"], verify)


def foreground_alpha(directory: str, verify: bool = True) -> Source:
    """Colour in `foreground/`, matte in `alpha/`, partners share their name up to the extension.

    The foreground is RGB; the alpha is greyscale, or RGB without colour, and of the foreground's
    size. Raises as `rgba`.
    """
    return files.read(directory, LAYOUTS["foreground_alpha"], verify)


def backgrounds(directory: str, verify: bool = True) -> Source:
    """Pictures without transparency, RGB or greyscale. Raises as `rgba`."""
    return files.read(directory, LAYOUTS["backgrounds"], verify)


def images(directory: str, verify: bool = True) -> Source:
    """Photographs to adapt to without labels, RGB or greyscale. Raises as `rgba`."""
    return files.read(directory, LAYOUTS["images"], verify)


def photographs(directory: str, verify: bool = True) -> Source:
    """`image/`, its matte in `alpha/` and its `foreground/` without the background's colours.

    Raises as `rgba`.
    """
    return files.read(directory, LAYOUTS["photographs"], verify)


def photographs_with_alpha(directory: str, verify: bool = True) -> Source:
    """Photographs in `image/` and their mattes in `alpha/`. Raises as `rgba`."""
    return files.read(directory, LAYOUTS["photographs_with_alpha"], verify)
