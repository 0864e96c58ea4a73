"""Which layers, counted image by image, can be made up?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from oracle.resampling import Image
from prunescope.dissection.scores import score_units
from prunescope.results.dissection import LayerDissection
from prunescope.results.overlap import Overlap
from prunescope.results.units import count_units

PRIMARY = {2: "color", 3: "color", 5: "object", 7: "object", 8: "object", 11: "texture"}
"""Labels by number, and their primary category."""
CATEGORIES = ("color", "object", "texture")


def random_images(
    seed: int,
    *,
    count: int = 60,
    units: int = 6,
    favourite: Mapping[int, int] | None = None,
    kinds: Sequence[Sequence[str]] = (("color",), ("color", "object"), ("texture",)),
) -> list[Image]:
    """Return images on which units fire at random, most on their favourite label.

    favourite: the label of each unit that has one. kinds: the categories that images carry.
    What an image is labelled with depends on nothing but its number.
    """
    random = np.random.default_rng(seed)
    return [_image(index, random, units, favourite or {}, kinds) for index in range(count)]


def _image(
    index: int,
    random: np.random.Generator,
    units: int,
    favourite: Mapping[int, int],
    kinds: Sequence[Sequence[str]],
) -> Image:
    of_image = np.random.default_rng(1_000_000 + index)
    kind = kinds[int(of_image.integers(len(kinds)))]
    truth = {}
    for category in kind:
        labels = [label for label, its in PRIMARY.items() if its == category]
        for label in of_image.choice(labels, int(of_image.integers(1, len(labels) + 1)), False):
            truth[int(label)] = int(of_image.integers(20, 200))
    activation, intersection = {}, {}
    for unit in range(units):
        if random.random() < 0.6:
            activation[unit] = int(random.integers(5, 80))
            for label, pixels in truth.items():
                share = random.beta(8, 2) if favourite.get(unit) == label else random.beta(0.4, 4)
                both = min(pixels, round(share * activation[unit]))
                intersection[unit, label] = both
    return Image(
        truth=dict(sorted(truth.items())), activation=activation, intersection=intersection
    )


def make_counted_layer(
    images: Sequence[Image],
    units: int,
    *,
    name: str = "layer4",
    numbers: Sequence[int] | None = None,
    categories: tuple[str, ...] | None = None,
    **conditions: Any,
) -> LayerDissection:
    """Return a layer whose counts are those of the images, and have them image by image.

    numbers: of the units; from 0 when None. conditions: what its summary says besides.
    """
    inside = conditions.get("convention") == "lite"
    overlap = _overlap(images, units, inside=inside)
    table = score_units(overlap, iou=0.05, categories=categories)
    unit_numbers = np.arange(units) if numbers is None else np.asarray(numbers)
    table["unit"] = unit_numbers
    summary = {
        **count_units(table, categories or CATEGORIES),
        "layer": name,
        "images": len(images),
        "concept_set": {"name": "made up", "fingerprint": "6" * 64},
        "input": {"resolution": 32, "mean": [0.5] * 3, "std": [0.2] * 3},
        "settings": {"quantile": 0.005, "precision": "float32", "iou": 0.05},
    }
    if numbers is not None:
        summary["unit_numbers"] = list(numbers)
    return LayerDissection(
        layer=name,
        units=table,
        overlap=overlap,
        examples=pd.DataFrame({"unit": unit_numbers}),
        images=pd.DataFrame(
            [_row(index, image, unit_numbers) for index, image in enumerate(images)]
        ),
        summary=summary | conditions,
    )


def _row(index: int, image: Image, numbers: np.ndarray) -> dict[str, Any]:
    units = sorted(image.activation)
    both = [image.intersection.get((unit, label), 0) for unit in units for label in image.truth]
    lists = {
        "labels": list(image.truth),
        "truth": list(image.truth.values()),
        "units": numbers[units],
        "activation": [image.activation[unit] for unit in units],
        "intersection": both,
    }
    arrays = {key: np.array(values, np.int32) for key, values in lists.items()}
    return {"image": f"{index}.png", "row": index, "pixels": 1024, **arrays}


def _overlap(images: Sequence[Image], units: int, *, inside: bool) -> Overlap:
    labels = list(PRIMARY)
    intersection = np.zeros((units, len(labels)), np.int64)
    activation = np.zeros((units, len(CATEGORIES)), np.int64)
    truth = np.zeros(len(labels), np.int64)
    for image in images:
        for label, pixels in image.truth.items():
            truth[labels.index(label)] += pixels
        for (unit, label), pixels in image.intersection.items():
            intersection[unit, labels.index(label)] += pixels
        for unit, pixels in image.activation.items():
            counted = {
                PRIMARY[label]
                for label in image.truth
                if not inside or image.intersection.get((unit, label))
            }
            for category in counted:
                activation[unit, CATEGORIES.index(category)] += pixels
    return Overlap(
        thresholds=np.zeros(units),
        intersection=intersection,
        activation=activation,
        truth=truth,
        label_numbers=np.array(labels),
        category_of=np.array([CATEGORIES.index(PRIMARY[label]) for label in labels]),
        categories=CATEGORIES,
        label_names=tuple(f"label {label}" for label in labels),
    )


def without_first_unit(image: Image) -> Image:
    """Return an image as a layer counts it whose first unit was removed."""
    return Image(
        truth=image.truth,
        activation={unit - 1: area for unit, area in image.activation.items() if unit > 0},
        intersection={
            (unit - 1, label): pixels
            for (unit, label), pixels in image.intersection.items()
            if unit > 0
        },
    )
