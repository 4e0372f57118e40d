"""Intersection over union (IoU) of label maps, over all pixels of a set of pictures.

    scores = score([(predicted, true), ...], names=["road", "sidewalk"])
    print(table(scores))
"""

import csv
import io
import json
import math
from typing import NamedTuple

import numpy as np

IGNORED = 255


class Scores(NamedTuple):
    """`classes` is {name: IoU}, NaN for a class that no map has; `miou` is the mean of the rest."""

    classes: dict
    miou: float
    pictures: int


def score(pairs, names) -> Scores:
    """Score pairs of label maps, predicted and true, uint8 (H, W) of class numbers.

    Pixels whose true label is 255 are ignored. `names` are those of the classes. Raises ValueError
    if the sizes of a pair differ or a number has no name.
    """
    total, count = 0, 0
    for prediction, labels in pairs:
        total = total + confusion(prediction, labels, len(names))
        count += 1
    both = np.diag(total).astype(np.float64)
    either = total.sum(0) + total.sum(1) - both
    ious = np.divide(both, either, out=np.full(len(names), np.nan), where=either > 0)
    miou = float(np.nanmean(ious)) if (either > 0).any() else math.nan
    return Scores(dict(zip(names, map(float, ious), strict=True)), miou, count)


def confusion(prediction, labels, classes: int):
    """Count pixels in int64 (classes, classes), true classes in rows, predicted ones in columns."""
    if prediction.shape != labels.shape:
        raise ValueError(f"sizes differ: {prediction.shape} and {labels.shape} (height, width)")
    counted = labels != IGNORED
    prediction, labels = prediction[counted].astype(np.int64), labels[counted].astype(np.int64)
    if labels.size and (largest := max(prediction.max(), labels.max())) >= classes:
        raise ValueError(f"there is a label {largest}, but the classes are 0..{classes - 1}")
    found = np.bincount(classes * labels + prediction, minlength=classes * classes)
    return found.reshape(classes, classes)


def table(scores: Scores) -> str:
    """Format a row per class and the mean as text."""
    width = max(len("class"), *map(len, scores.classes))
    rows = [f"{name:{width}}  {value:7.4f}" for name, value in scores.classes.items()]
    head, last = f"{'class':{width}}  {'IoU':>7}", f"{'mean':{width}}  {scores.miou:7.4f}"
    there = sum(value == value for value in scores.classes.values())
    ends = f"{scores.pictures} pictures; the mean is over the {there} classes that they have."
    return "\n".join([head, *rows, "-" * len(head), last, ends])


def as_csv(scores: Scores) -> str:
    """Format as CSV: a header and a row per class, without the mean."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["class", "iou"])
    writer.writerows(scores.classes.items())
    return text.getvalue()


def as_json(scores: Scores) -> str:
    """Format {"miou", "pictures", "classes": {name: IoU}} as JSON; NaN becomes null."""

    def finite(value):
        return None if math.isnan(value) else value

    classes = {name: finite(value) for name, value in scores.classes.items()}
    content = {"miou": finite(scores.miou), "pictures": scores.pictures, "classes": classes}
    return json.dumps(content, indent=1) + "\n"
