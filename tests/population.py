"""Which truth do images come from in a simulation, and what does a sample of them show?

A population of images, so large that its counts are the truth; a sample of it is what a
dissection sees.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from prunescope.dissection.scores import score_units
from prunescope.results.dissection import LayerDissection
from prunescope.results.overlap import Overlap
from prunescope.results.units import count_units

CATEGORIES = ("color", "object", "texture")
CATEGORY_OF = np.repeat([0, 1, 2], [3, 24, 6])
LABELS = len(CATEGORY_OF)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The pixels of each label on every image of a population."""

    truth: np.ndarray

    @classmethod
    def draw(cls, seed: int, images: int) -> "Labels":
        """Make images that carry colours, most with objects, some with a texture instead."""
        random = np.random.default_rng(seed)
        has_objects = random.random(images) < 0.7
        chosen = random.random((images, LABELS)) < np.array([0.8, 0.08, 0.2])[CATEGORY_OF]
        chosen[has_objects[:, None] & (CATEGORY_OF == 2)] = False
        chosen[~has_objects[:, None] & (CATEGORY_OF == 1)] = False
        chosen[:, 0] = True
        return cls(truth=chosen * random.integers(20, 400, (images, LABELS)))


@dataclass(frozen=True, kw_only=True)
class Units:
    """The pixels of each unit's masks on every image, and those they share with each label."""

    activation: np.ndarray
    intersection: np.ndarray

    @classmethod
    def draw(cls, seed: int, labels: Labels, strength: np.ndarray, liked: np.ndarray) -> "Units":
        """Make units that like a label, more or less.

        strength: of each unit, how much of its masks lies on the label. liked: that label.
        """
        random = np.random.default_rng(seed)
        images, units = len(labels.truth), len(strength)
        carries = labels.truth[:, liked] > 0
        fires = random.random((images, units)) < np.where(carries, 0.1 + 0.8 * strength, 0.08)
        activation = fires * random.integers(20, 300, (images, units))
        share = random.beta(0.6, 6, (images, units, LABELS))
        share *= random.random(share.shape) < 0.5
        own = np.clip(1.2 * strength + random.normal(0, 0.2, (images, units)), 0, 1)
        share[:, np.arange(units), liked] = np.maximum(share[:, np.arange(units), liked], own)
        most = np.minimum(activation[:, :, None], labels.truth[:, None, :])
        return cls(activation=activation, intersection=np.rint(share * most).astype(np.int64))


def overlap_of(labels: Labels, units: Units, images: np.ndarray) -> Overlap:
    """Return the counts of some images of a population, by index."""
    truth, activation = labels.truth[images], units.activation[images]
    is_of = np.eye(len(CATEGORIES), dtype=bool)[CATEGORY_OF]
    carries = (truth > 0) @ is_of
    return Overlap(
        thresholds=np.zeros(activation.shape[1]),
        intersection=units.intersection[images].sum(axis=0),
        activation=activation.T @ carries,
        truth=truth.sum(axis=0),
        label_numbers=np.arange(1, LABELS + 1),
        category_of=CATEGORY_OF,
        categories=CATEGORIES,
        label_names=tuple(f"label {index}" for index in range(LABELS)),
    )


def dissected(labels: Labels, units: Units, images: np.ndarray) -> LayerDissection:
    """Return what a dissection of some images shows."""
    overlap = overlap_of(labels, units, images)
    table = score_units(overlap, iou=0.05)
    rows = []
    for row, image in enumerate(images):
        carried, firing = (
            np.flatnonzero(pixels[image]) for pixels in (labels.truth, units.activation)
        )
        rows.append(
            {
                "row": row,
                "labels": overlap.label_numbers[carried],
                "truth": labels.truth[image][carried],
                "units": firing,
                "activation": units.activation[image][firing],
                "intersection": units.intersection[image][np.ix_(firing, carried)].ravel(),
            }
        )
    return LayerDissection(
        layer="layer4",
        units=table,
        overlap=overlap,
        examples=pd.DataFrame({"unit": table["unit"]}),
        images=pd.DataFrame(rows),
        summary={
            **count_units(table, CATEGORIES),
            "settings": {"iou": 0.05},
            "concept_set": {"name": "population", "fingerprint": "7" * 64},
        },
    )
