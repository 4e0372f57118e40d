"""Plain folders of pictures: cut-outs, foreground and alpha pairs, backgrounds, photographs.

    rgba("cutouts")                     cutouts/anna.png ...                     (colour + alpha)
    foreground_alpha("adobe")           adobe/foreground/a.jpg + adobe/alpha/a.png
    backgrounds("bg20k")                bg20k/street.jpg ...
    images("photographs")               photographs/me.jpg ...                   (unlabelled)

Folders are flat; `datasets` reads published datasets in their own layouts, and `files` documents
which files are read. A reader decodes every file once, to find bad files before training starts;
`verify=False` skips this.
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
    """Read cut-outs with an alpha channel (8-bit RGBA, or a palette with transparency).

    Raises FileNotFoundError for a missing or empty folder, ValueError naming every bad file.
    """
    return files.read(directory, LAYOUTS["rgba"], verify)


def foreground_alpha(directory: str, verify: bool = True) -> Source:
    """Read colours from `foreground/` and alphas of the same names from `alpha/`.

    Foregrounds are RGB; alphas are greyscale, or grey RGB, of the foreground's size. Raises as
    `rgba`.
    """
    return files.read(directory, LAYOUTS["foreground_alpha"], verify)


def backgrounds(directory: str, verify: bool = True) -> Source:
    """Read pictures without transparency, RGB or greyscale. Raises as `rgba`."""
    return files.read(directory, LAYOUTS["backgrounds"], verify)


def images(directory: str, verify: bool = True) -> Source:
    """Read unlabelled photographs, RGB or greyscale. Raises as `rgba`."""
    return files.read(directory, LAYOUTS["images"], verify)


def photographs(directory: str, verify: bool = True) -> Source:
    """Read photographs from `image/`, mattes from `alpha/`, foreground colours from `foreground/`.

    Raises as `rgba`.
    """
    return files.read(directory, LAYOUTS["photographs"], verify)


def photographs_with_alpha(directory: str, verify: bool = True) -> Source:
    """Read photographs from `image/` and their mattes from `alpha/`. Raises as `rgba`."""
    return files.read(directory, LAYOUTS["photographs_with_alpha"], verify)
