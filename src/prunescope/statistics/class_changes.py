"""Which classes gained or lost accuracy from one network to another, and how sure is that?"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from prunescope.results.predictions import check_same_images, classes_of
from prunescope.statistics.equivalence import student_interval

ALPHA = 0.05
"""Intervals of classes are of 95 %, each by itself."""


def class_changes(before: Sequence[pd.DataFrame], after: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return how the accuracy of each class changed, in the order of the classes.

    before, after: predictions of one or more pairs of networks on the same images, as many as
    there are replicates.
    Columns: `class`, `images`, `before` and `after` (accuracies, means over the replicates),
    `difference`, and `low` and `high`, which bound it with 95 %. A class without images has nan.

    The interval is the wider of two at either end (docs/method.md, "Who paid"). Student's, over
    two or more replicates, covers training again on these images. The other covers other images:
    of one replicate it is that of Bonett & Price (2012) for two shares of the same images, which
    adds an image that was lost and one that was gained; of R, each of these in one replicate.
    Raises DataError where the predictions are not of the same images.
    """
    pairs = list(zip(before, after, strict=True))
    check_same_images({f"network {i + 1}": each for i, each in enumerate([*before, *after])})
    classes, labels = classes_of(before[0]), before[0]["class"].cat.codes.to_numpy(np.int64)
    images = np.bincount(labels, minlength=len(classes))
    means = [
        np.stack([_per_class(is_right(side), labels, images) for side in sides])
        for sides in zip(*pairs, strict=True)
    ]
    changes = np.stack([is_right(b).astype(float) - is_right(a) for a, b in pairs])
    low, high = _interval(changes, labels, images)
    return pd.DataFrame(
        {
            "class": classes,
            "images": images,
            "before": means[0].mean(axis=0),
            "after": means[1].mean(axis=0),
            # counted, as the difference of two rounded means is not 0 where nothing changes
            "difference": _per_class(changes.sum(axis=0), labels, images) / len(changes),
            "low": low,
            "high": high,
        }
    )


def overall_change(
    before: Sequence[pd.DataFrame], after: Sequence[pd.DataFrame]
) -> dict[str, float]:
    """Return how the accuracy over all images changed: `difference`, and its `low` and `high`.

    As `class_changes` does it of one class.
    """
    changes = np.stack(
        [is_right(b).astype(float) - is_right(a) for a, b in zip(before, after, strict=True)]
    )
    count = changes.shape[1]
    low, high = _interval(changes, np.zeros(count, np.int64), np.array([count]))
    return {"difference": float(changes.mean()), "low": float(low[0]), "high": float(high[0])}


def is_right(predictions: pd.DataFrame) -> np.ndarray:
    """Return whether each image's prediction is its class."""
    right: np.ndarray = predictions["rank"].to_numpy() == 0
    return right


def _per_class(
    values: np.ndarray, labels: Int64[np.ndarray, " image"], images: Int64[np.ndarray, " class"]
) -> Float64[np.ndarray, " class"]:
    """Return the mean of values over the images of each class; nan where there are none."""
    sums = np.bincount(labels, weights=values, minlength=len(images))
    return np.where(images > 0, sums / np.maximum(images, 1), np.nan)


def _interval(
    changes: Float64[np.ndarray, "replicate image"],
    labels: Int64[np.ndarray, " image"],
    images: Int64[np.ndarray, " class"],
) -> tuple[Float64[np.ndarray, " class"], Float64[np.ndarray, " class"]]:
    """Return the ends of the interval of each class. changes: -1 (lost), 0 or 1 (gained)."""
    count = len(changes)
    low, high = _over_images(changes, labels, images)
    if count > 1:
        of_replicates = np.stack([_per_class(each, labels, images) for each in changes])
        middle, spread = of_replicates.mean(axis=0), of_replicates.std(axis=0, ddof=1)
        _, quantile = student_interval(0.0, 1.0, count, ALPHA)
        half = quantile * spread / math.sqrt(count)
        low, high = np.minimum(low, middle - half), np.maximum(high, middle + half)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)


def _over_images(
    changes: Float64[np.ndarray, "replicate image"],
    labels: Int64[np.ndarray, " image"],
    images: Int64[np.ndarray, " class"],
) -> tuple[Float64[np.ndarray, " class"], Float64[np.ndarray, " class"]]:
    """Return the ends of an interval for other images, with an image lost and one gained added."""
    added = 1 / len(changes)
    of_images = changes.mean(axis=0)
    total = np.where(images > 0, images + 2, np.nan)
    sums, squares = (
        np.bincount(labels, weights=values, minlength=len(images))
        for values in (of_images, of_images**2)
    )
    middle = sums / total
    variance = ((squares + 2 * added**2) / total - middle**2) / total
    half = NormalDist().inv_cdf(1 - ALPHA / 2) * np.sqrt(variance)
    return middle - half, middle + half
