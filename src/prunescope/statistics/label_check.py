"""Does the label that some images give a unit hold on others?

What each image adds to the counts is saved, so the counts of any images are sums. Thresholds stay:
they are found without labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import on_one_line
from prunescope.concepts.protocol import ConceptSet, splits_of
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.label_check import (
    CONCEPT,
    HELD_OUT_CONCEPT,
    HELD_OUT_IOU,
    IOU,
    KEY,
    LABEL_CONFIRMED,
    SCORE_CONFIRMED,
)
from prunescope.results.overlap import Overlap
from prunescope.results.units import categories_of
from prunescope.statistics.by_image import CountsByImage, counts_by_image
from prunescope.statistics.settings import LabelCheckSettings

_NONE = -1  # in place of a label


def check_splits(settings: LabelCheckSettings, concepts: ConceptSet) -> None:
    """Raise ConfigError unless a set has labels, and images of both splits."""
    if not concepts.labels:
        raise ConfigError(
            f"label_on and check_on are about labels, but {concepts.name} has none: leave them "
            "out, or take a set with labels"
        )
    splits = splits_of(concepts)
    for key, split in (("label_on", settings.label_on), ("check_on", settings.check_on)):
        if split is not None and split not in splits:
            known = sorted({each for each in splits if each})
            has = f"has {on_one_line(', '.join(known))}" if known else "has no splits"
            raise ConfigError(
                f'{key} names the split "{split}"{nearest(split, known)}, but of the images that '
                f"are dissected {concepts.name} {has}"
            )


def with_label_checks(
    dissection: Dissection, splits: Sequence[str], settings: LabelCheckSettings
) -> Dissection:
    """Return a dissection whose units have labels chosen on some images and checked on others.

    splits: of every image of the concept set.
    """
    checked = {name: _checked(layer, splits, settings) for name, layer in dissection.layers.items()}
    return replace(dissection, layers=checked)


def _checked(
    layer: LayerDissection, splits: Sequence[str], settings: LabelCheckSettings
) -> LayerDissection:
    counts = counts_by_image(layer)
    split_of = np.array(splits, object)[counts.images]
    chosen, held_out = split_of == settings.label_on, split_of == settings.check_on
    above = float(layer.summary["settings"]["iou"])
    allowed = layer.overlap.allowed(categories_of(layer.units))
    found = _check(overlap_on(counts, chosen), overlap_on(counts, held_out), allowed)
    names = np.array([*layer.overlap.label_names, None], object)  # the last for _NONE
    columns = {
        CONCEPT: pd.array(names[found.labels], "string"),
        IOU: found.ious,
        HELD_OUT_CONCEPT: pd.array(names[found.labels_held_out], "string"),
        HELD_OUT_IOU: found.ious_held_out,
        LABEL_CONFIRMED: (found.labels != _NONE) & (found.labels == found.labels_held_out),
        SCORE_CONFIRMED: found.ious_held_out > above,
    }
    stated = {
        **settings.model_dump(),
        "label_images": int(chosen.sum()),
        "check_images": int(held_out.sum()),
    }
    return replace(
        layer, units=layer.units.assign(**columns), summary={**layer.summary, KEY: stated}
    )


def overlap_on(counts: CountsByImage, chosen: Bool[np.ndarray, " image"]) -> Overlap:
    """Return the counts of some images alone."""
    intersection = np.zeros_like(counts.overlap.intersection)
    for image in np.flatnonzero(chosen).tolist():
        units, labels = counts.units[image], counts.labels[image]
        pixels = counts.intersection[image].reshape(len(units), len(labels))
        intersection[units[:, None], labels] += pixels
    weights = chosen.astype(np.int64)
    activation = counts.sums @ (counts.area @ weights)
    return replace(
        counts.overlap,
        intersection=intersection,
        activation=activation.reshape(counts.overlap.activation.shape),
        truth=counts.truth @ weights,
    )


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The best labels of units, as columns of the counts or _NONE, and the IoUs of the first."""

    labels: Int64[np.ndarray, " unit"]
    labels_held_out: Int64[np.ndarray, " unit"]
    ious: Float64[np.ndarray, " unit"]
    ious_held_out: Float64[np.ndarray, " unit"]


def _check(labelled: Overlap, held_out: Overlap, allowed: Bool[np.ndarray, " label"]) -> _Found:
    parts = []
    blocks = zip(labelled.iou_in_blocks(), held_out.iou_in_blocks(), strict=True)
    for ious, ious_held_out in blocks:
        labels, of_labels = _best(ious, allowed)
        rows = np.arange(len(labels))
        theirs = np.where(labels == _NONE, np.nan, ious_held_out[rows, labels])
        parts.append((labels, _best(ious_held_out, allowed)[0], of_labels, theirs))
    labels, labels_held_out, of_labels, theirs = (
        np.concatenate(each) for each in zip(*parts, strict=True)
    )
    return _Found(
        labels=labels, labels_held_out=labels_held_out, ious=of_labels, ious_held_out=theirs
    )


def _best(
    ious: Float64[np.ndarray, "unit label"], allowed: Bool[np.ndarray, " label"]
) -> tuple[Int64[np.ndarray, " unit"], Float64[np.ndarray, " unit"]]:
    """Return the column of each unit's best label, of equal ones the first, and its IoU."""
    tested = np.where(allowed & ~np.isnan(ious), ious, 0.0)
    best = tested.argmax(axis=1)
    highest = tested[np.arange(len(best)), best]
    return np.where(highest > 0, best, _NONE), np.where(highest > 0, highest, np.nan)
