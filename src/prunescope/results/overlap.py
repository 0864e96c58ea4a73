"""On how many pixels do the masks of a layer's units overlap the labels, and what is their IoU?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from prunescope.base.arrays import load_arrays, load_metadata, save_arrays
from prunescope.base.errors import DataError
from prunescope.base.text import on_one_line, shortened
from prunescope.results.forms import TEXTS
from prunescope.results.layout import COUNTS, names_a_folder
from prunescope.results.manifest import check_recorded

_BLOCK = 1 << 20  # IoUs at a time: those of 8,192 units and 5,000 labels would take 312 MiB
_NAMES = "dissection"  # the key of the metadata
_TEXTS = ("categories", "label_names")  # of an Overlap; its other fields are arrays


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The counts of a layer, in pixels, from which every IoU follows (docs/method.md).

    thresholds: T_k. intersection: I. truth: G. activation: A of each category.
    label_numbers: the global number of every column of I and G, ascending.
    category_of: for each of them, the column of A of its primary category.
    categories: the names of the columns of A.
    label_names: those of the columns of I and G; empty if unknown.
    """

    thresholds: Float64[np.ndarray, " unit"]
    intersection: Int64[np.ndarray, "unit label"]
    activation: Int64[np.ndarray, "unit category"]
    truth: Int64[np.ndarray, " label"]
    label_numbers: Int64[np.ndarray, " label"]
    category_of: Int64[np.ndarray, " label"]
    categories: tuple[str, ...]
    label_names: tuple[str, ...] = ()

    @property
    def dead(self) -> Bool[np.ndarray, " unit"]:
        """Whether a unit never fires: its A is 0 over every category.

        No unit is dead where no category is there to tell.
        """
        dead: Bool[np.ndarray, " unit"] = np.all(self.activation == 0, axis=1)
        return dead & (len(self.categories) > 0)

    @property
    def iou(self) -> Float64[np.ndarray, "unit label"]:
        """I / (A + G - I) of every unit and label, see `iou_of_counts`."""
        return iou_of_counts(self.intersection, self.activation, self.truth, self.category_of)

    def iou_in_blocks(self) -> Iterator[Float64[np.ndarray, "unit label"]]:
        """Yield `iou` for some units after the other, so that it never takes much memory.

        One block of no units, where there are none.
        """
        size = max(1, _BLOCK // max(1, len(self.truth)))
        for first in range(0, max(1, len(self.thresholds)), size):
            units = slice(first, first + size)
            yield iou_of_counts(
                self.intersection[units], self.activation[units], self.truth, self.category_of
            )

    def allowed(self, categories: Sequence[str]) -> Bool[np.ndarray, " label"]:
        """Return whether each label belongs to one of these categories."""
        chosen = [self.categories.index(name) for name in categories]
        allowed: Bool[np.ndarray, " label"] = np.isin(self.category_of, chosen)
        return allowed

    def iou_table(self) -> pd.DataFrame:
        """Return `iou` with a row per unit, its columns under the labels' names.

        Columns are in the order of the label numbers. Where two labels have one name, all columns
        are (category, concept). Raises DataError where the labels' names are not known.
        """
        if len(self.label_names) != len(self.label_numbers):
            raise DataError(
                "these counts were saved without the names of their labels, by an earlier "
                "version: dissect again"
            )
        names = pd.Index(self.label_names, name="concept")
        if names.has_duplicates:
            homes = [self.categories[column] for column in self.category_of.tolist()]
            names = pd.MultiIndex.from_arrays([homes, names], names=["category", "concept"])
        units = pd.RangeIndex(len(self.thresholds), name="unit")
        return pd.DataFrame(self.iou, index=units, columns=names)


def iou_of_counts(
    intersection: Int64[np.ndarray, "unit label"],
    activation: Int64[np.ndarray, "unit category"],
    truth: Int64[np.ndarray, " label"],
    category_of: Int64[np.ndarray, " label"],
) -> Float64[np.ndarray, "unit label"]:
    """Return I / (A + G - I) of every unit and label, in float64 (docs/method.md).

    category_of: for every label, the column of `activation` of its primary category.
    nan for a unit that never fires, and where both the label and the unit's masks are nowhere in
    the images of the label's category.
    """
    union = activation[:, category_of] + truth - intersection
    fires = np.any(activation > 0, axis=1, keepdims=True)
    ratio = np.full(union.shape, np.nan)
    np.divide(intersection, union, out=ratio, where=(union > 0) & fires)
    return ratio


def save_overlap(folder: Path, layer: str, overlap: Overlap) -> None:
    """Write the counts of a layer."""
    fields = vars(overlap)
    arrays = {name: value for name, value in fields.items() if name not in _TEXTS}
    names = {"layer": layer} | {name: fields[name] for name in _TEXTS}
    save_arrays(folder / COUNTS, arrays, {_NAMES: json.dumps(names)})


def load_overlap(folder: Path) -> tuple[str, Overlap]:
    """Return a layer's name and its counts. Raises DataError where they are missing or damaged."""
    path = folder / COUNTS
    check_recorded(path)
    metadata, arrays = load_metadata(path), load_arrays(path)
    try:
        names = json.loads(metadata[_NAMES])
        texts = {name: _texts_of(names[name]) for name in _TEXTS if name in names}
        layer, fits = str(names["layer"]), _fits(arrays, **texts)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"{path} holds no counts of a dissection: dissect again") from None
    if not names_a_folder(layer):
        name = on_one_line(shortened(layer))
        raise DataError(f'{path} is damaged: its layer is called "{name}", as no folder can be')
    if not fits:
        raise DataError(f"{path} is damaged: its counts do not fit each other")
    fields: dict[str, Any] = {**arrays, **texts}
    return layer, Overlap(**fields)


def _texts_of(value: object) -> tuple[str, ...]:
    if not TEXTS.takes(value):
        raise TypeError("no list of texts")
    return tuple(cast(list[str], value))


def _fits(
    arrays: Mapping[str, np.ndarray], categories: Sequence[str], label_names: Sequence[str] = ()
) -> bool:
    """Return whether the parts of an Overlap agree in units, labels and categories."""
    units, labels = len(arrays["thresholds"]), len(arrays["truth"])
    shapes = {
        **{"thresholds": (units,), "truth": (labels,)},
        **{"intersection": (units, labels), "activation": (units, len(categories))},
        **dict.fromkeys(("label_numbers", "category_of"), (labels,)),
    }
    return (
        arrays.keys() == shapes.keys()
        and all(arrays[name].shape == shape for name, shape in shapes.items())
        and all(arrays[name].dtype == np.int64 for name in shapes if name != "thresholds")
        and arrays["thresholds"].dtype == np.float64
        and set(arrays["category_of"].tolist()) <= set(range(len(categories)))
        and len(label_names) in (0, labels)
    )
