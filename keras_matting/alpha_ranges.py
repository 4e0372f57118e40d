"""Recognise alpha mattes that do not range from 0 to 255: masks of 0 and 1, labels, video range.

`measure` describes a file, `file_problem` says what is wrong with it alone; `merged` describes a
folder, of which `folder_problem` says what is wrong with all its files together, and `folder_note`
what is only worth knowing.
"""

import cv2
import numpy as np

# Values this near to 0 and 255 count as 0 and 255 in trimaps. Published code clips at 5 and 250;
# of JPEG at quality 75, that leaves a third more unknown pixels than the exact matte has.
NEAR = 8
FAINTEST = 26  # a figure has an alpha of at least a tenth somewhere
LABELS = 32  # a picture seldom has more label numbers; a soft edge has more levels
VOID = 255  # marks the border of objects in some sets of labels


def measure(picture, channel=0):
    """Return {"files", "low", "high", "levels", "near", "labels"} of an alpha in uint8 (h, w, c).

    `near` is 1 if the opaque or the empty part is mostly near 255 or 0, not at it; `labels` is the
    share of low values in a file without values between them and 255.
    """
    counts = cv2.calcHist([picture], [channel], None, [256], [0, 256]).ravel()
    values = np.flatnonzero(counts)
    near_one, near_zero = counts[VOID - NEAR : VOID].sum(), counts[1 : NEAR + 1].sum()
    low_only = not counts[64:VOID].any()
    return {
        "files": 1,
        "low": int(values[0]),
        "high": int(values[-1]),
        "levels": len(values),
        "near": int(near_one > counts[VOID] or near_zero > counts[0]),
        "labels": float(counts[1:64].sum() / counts.sum()) if low_only else 0.0,
    }


def file_problem(found):
    """Return why what `measure` found is not an alpha matte, starting with "its", or None."""
    low, high = found["low"], found["high"]
    if low < high < FAINTEST:
        return f"its largest value is {high}, but alphas reach from 0 to 255"
    if high == VOID and found["labels"] > 0.01 and found["levels"] <= LABELS:
        return "its values are label numbers, not alphas"
    return None


def merged(all_found):
    """Return what several calls of `measure`, or of this function, found together."""
    all_found = list(all_found)
    rules = {"low": min, "high": max, "levels": max, "labels": max}  # the others are counts
    keys = all_found[0] if all_found else ()
    return {key: rules.get(key, sum)(found[key] for found in all_found) for key in keys}


def folder_problem(found):
    """Return why the alphas of a folder are not on a scale of 0 to 255, or None."""
    low, high = found["low"], found["high"]
    if low < high < 128:
        return f"their largest value is {high}, but alphas reach from 0 to 255: rescale them"
    if 12 <= low <= 20 and 231 <= high <= 239:
        return (
            f"they reach from {low} to {high}, the range of video, but alphas reach from 0 to "
            "255: rescale them"
        )
    if low < high < VOID - NEAR and found["levels"] <= LABELS:
        return "they have few different values and none near 255, as label numbers do: make mattes"
    return None


def folder_note(found):
    """Return a remark about the alphas of a folder, or None."""
    if not found["near"]:
        return None
    return (
        f"{found['near']:,} of {found['files']:,} alphas are mostly near 0 or 255, not at them, as "
        f"JPEG and video leave them; trimaps count up to {NEAR} as 0 and from {VOID - NEAR} as 255"
    )
