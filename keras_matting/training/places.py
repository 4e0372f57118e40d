"""Open what the flags of a recipe name: datasets, prepared folders and plain folders.

composition1k:/data/Combined_Dataset      a row of keras_matting.data.reading.datasets
/data/records                             written by `keras_matting.data prepare`
cutouts                                   a plain folder
"""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from keras_matting.data.reading import datasets, files, readers, records
from keras_matting.data.source import Source


def dataset_of(place: str) -> tuple[str, str] | None:
    """Split NAME:FOLDER, or return None if `place` is a folder."""
    name, _, folder = place.partition(":")
    return (name, folder) if folder and not Path(place).exists() else None


def opened(place: str, read_folder: Callable, verify: bool) -> Source:
    """Return the training split of a dataset, or a folder; `read_folder` reads plain ones."""
    if named := dataset_of(place):
        return datasets.read(*named, verify=verify)
    return folder(place, read_folder, verify)


def folder(place: str, read_folder: Callable, verify: bool) -> Source:
    """Return a folder that `prepare` has written, or `read_folder(place, verify)`."""
    if records.is_prepared(place):
        return records.read(place, verify)
    return read_folder(place, verify)


def reader(*roles: str) -> Callable:
    """Return a function that reads those of the sub-folders `roles` that a plain folder has.

    `mask/` may stand in for `alpha/`. Without image/ and foreground/, it reads RGBA cut-outs, or
    plain backgrounds if those are wanted.
    """

    def read(place, verify):
        there = {role: role for role in roles if Path(place, role).is_dir()}
        if not there.keys() & {"image", "foreground", "background"}:
            plain = readers.backgrounds if "background" in roles else readers.rgba
            return plain(place, verify)
        if "alpha" in roles:
            mask = "alpha" not in there and Path(place, "mask").is_dir()
            there["alpha"] = "mask" if mask else "alpha"
        return files.read(place, {role: f"{name}/*" for role, name in there.items()}, verify)

    return read


def roles(source: Source) -> list[str]:
    """Return the keys of a source's samples."""
    return list(tf.data.Dataset.range(1).map(source.load).element_spec)


def only(place: str, source: Source, **wanted: tuple) -> Source:
    """Return the source reduced to the wanted keys, each the first of its names that exists.

    None as a name means that the foreground stands in. Samples then also have `photograph`, whether
    none did. Raises ValueError if a key has no name that exists.
    """
    there = roles(source)
    chosen = {key: next((n for n in names if n in there), None) for key, names in wanted.items()}
    optional = [key for key, names in wanted.items() if None in names]
    stand_ins = [key for key in optional if chosen[key] is None]
    chosen = {key: name or (key in optional and "foreground") for key, name in chosen.items()}
    if not all(chosen.values()):
        needed = " and ".join(" or ".join(names) for names in wanted.values())
        raise ValueError(f"{place} has {', '.join(there)}, but training needs {needed}.")

    # RSSN may use these instead
    chosen |= {key: key for key in there if key.removesuffix("_denoised") in wanted}

    def load(index):
        sample = source.load(index)
        found = {key: sample[name] for key, name in chosen.items()}
        return found | {"photograph": tf.constant(not stand_ins)} if optional else found

    return Source(source.size, load)
