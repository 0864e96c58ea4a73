"""What does each image add to a layer's counts, so that they can be added up in any proportion?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from scipy.sparse import csc_array, csr_array

from prunescope.base.errors import DataError
from prunescope.dissection.conventions import convention_of
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import COUNTS, IMAGES
from prunescope.results.overlap import Overlap
from prunescope.results.words import is_unlabelled

_LISTS = ("labels", "truth", "units", "activation", "intersection")


@dataclass(frozen=True, kw_only=True)
class CountsByImage:
    """The counts of a layer, image by image, in matrices with a column for each image.

    layer: its name. overlap: the sums of its counts.
    images: the number of each image in the concept set.
    carries: whether it carries a label of each category.
    truth: G, a row per label.
    area, sums: A is `sums @ (area @ weights)`, a row per unit and category. The images on which a
        unit's mask counts for the same categories share a row of `area`: they are added up once.
    units, labels, intersection: of each image, the rows and columns in `overlap` of the units and
        labels that may meet on it, and the pixels on which they do, unit by unit.
    """

    layer: str
    overlap: Overlap
    images: Int64[np.ndarray, " image"]
    carries: Bool[np.ndarray, "image category"]
    truth: csr_array
    area: csr_array
    sums: csr_array
    units: Sequence[np.ndarray]
    labels: Sequence[np.ndarray]
    intersection: Sequence[np.ndarray]

    def intersections(
        self, unit: Int64[np.ndarray, " pair"], label: Int64[np.ndarray, " pair"]
    ) -> csr_array:
        """Return I of pairs of a unit's and a label's index, a row each; no pair comes twice.

        Raises DataError where it does not add up to the layer's counts.
        """
        number = np.full(self.overlap.intersection.shape, -1, np.int32)
        number[unit, label] = np.arange(len(unit))
        rows, values = [], []
        for units, labels, pixels in zip(self.units, self.labels, self.intersection, strict=True):
            row = number[units[:, None], labels].ravel()
            index = np.flatnonzero((row >= 0) & (pixels > 0))
            rows.append(row[index])
            values.append(pixels[index])
        intersection = _matrix(rows, values, len(unit))
        if not np.array_equal(intersection.sum(axis=1), self.overlap.intersection[unit, label]):
            raise _contradictory(self.layer)
        return intersection


def has_counts_by_image(layer: LayerDissection) -> bool:
    """Return whether a layer has the counts of every image.

    Results of earlier versions and tables of Network Dissection have none, and of images without
    labels nothing is counted.
    """
    has_columns = {"row", *_LISTS} <= set(layer.images.columns)
    return has_columns and len(layer.images) > 0 and not is_unlabelled(layer.summary)


def counts_by_image(layer: LayerDissection) -> CountsByImage:
    """Return the counts of every image of a layer that has them.

    Raises DataError where they are not the parts of the layer's counts.
    """
    overlap, table = layer.overlap, layer.images
    columns = {name: [np.asarray(values) for values in table[name]] for name in _LISTS}
    labels = _indices(columns["labels"], overlap.label_numbers)
    units = _indices(columns["units"], layer.units["unit"].to_numpy(np.int64))
    if labels is None or units is None or not _fit(columns):
        raise _contradictory(layer.layer)
    is_of = np.eye(len(overlap.categories), dtype=bool)[overlap.category_of]
    carries = np.array([is_of[each].any(axis=0) for each in labels])
    sets, set_of = np.unique(carries, axis=0, return_inverse=True)
    set_of = np.repeat(set_of.reshape(-1), [len(each) for each in units])
    if convention_of(layer.summary).inside:
        touched = _touched(is_of, units, labels, columns["intersection"])
        sets, set_of = np.unique(touched, axis=0, return_inverse=True)
    area, sums = _areas(units, columns["activation"], sets, set_of.reshape(-1), len(layer.units))
    truth = _matrix(labels, columns["truth"], len(overlap.truth))
    activation = (sums @ area.sum(axis=1)).reshape(overlap.activation.shape)
    if not (
        np.array_equal(truth.sum(axis=1), overlap.truth)
        and np.array_equal(activation, overlap.activation)
    ):
        raise _contradictory(layer.layer)
    return CountsByImage(
        layer=layer.layer,
        overlap=overlap,
        images=table["row"].to_numpy(np.int64),
        carries=carries,
        truth=truth,
        area=area,
        sums=sums,
        units=units,
        labels=labels,
        intersection=columns["intersection"],
    )


def _touched(
    is_of: Bool[np.ndarray, "label category"],
    units: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    intersection: Sequence[np.ndarray],
) -> Bool[np.ndarray, "mask category"]:
    """Return whether each mask, image by image, has a label of each category inside it."""
    shared = (
        pixels.reshape(len(rows), len(columns)) > 0
        for pixels, rows, columns in zip(intersection, units, labels, strict=True)
    )
    return np.concatenate([meets @ is_of[each] for meets, each in zip(shared, labels, strict=True)])


def _areas(
    units: Sequence[np.ndarray],
    activation: Sequence[np.ndarray],
    sets: Bool[np.ndarray, "set category"],
    set_of: Int64[np.ndarray, " mask"],
    unit_count: int,
) -> tuple[csr_array, csr_array]:
    """Return `area` and `sums` of CountsByImage.

    sets, set_of: the sets of categories, and for which of them each mask counts, image by image.
    """
    keys = np.concatenate(units) * len(sets) + set_of
    is_there = np.zeros(unit_count * len(sets), bool)
    is_there[keys] = True
    groups, group_of = np.flatnonzero(is_there), (np.cumsum(is_there) - 1)[keys]
    area = _matrix(_split_like(group_of, units), activation, len(groups))
    unit, number = np.divmod(groups, len(sets))
    group, category = np.nonzero(sets[number])
    rows = unit[group] * sets.shape[1] + category
    shape = (unit_count * sets.shape[1], len(groups))
    return area, csr_array((np.ones(len(rows), np.int64), (rows, group)), shape=shape)


def _matrix(rows: Sequence[np.ndarray], values: Sequence[np.ndarray], row_count: int) -> csr_array:
    """Return a matrix with a column per image, given the rows of its values and these."""
    starts = np.concatenate([[0], np.cumsum([len(each) for each in rows])])
    contents = (np.concatenate(values).astype(np.int64), np.concatenate(rows), starts)
    return csc_array(contents, shape=(row_count, len(rows))).tocsr()


def _indices(
    numbers: Sequence[np.ndarray], ascending: Int64[np.ndarray, " number"]
) -> list[np.ndarray] | None:
    """Return where numbers stand among all; None where one does not."""
    joined = np.concatenate(numbers).astype(np.int64)
    index = np.searchsorted(ascending, joined)
    if (index == len(ascending)).any() or (ascending[index] != joined).any():
        return None
    return _split_like(index, numbers)


def _split_like(joined: np.ndarray, parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    return np.split(joined, np.cumsum([len(part) for part in parts])[:-1])


def _fit(columns: Mapping[str, Sequence[np.ndarray]]) -> bool:
    """Return whether every image has the counts of its labels, of its units, and of both."""
    sizes = zip(*([len(each) for each in columns[name]] for name in _LISTS), strict=True)
    return all(
        truth == labels and activation == units and intersection == labels * units
        for labels, truth, units, activation, intersection in sizes
    )


def _contradictory(layer: str) -> DataError:
    return DataError(
        f"the {IMAGES} of {layer} does not add up to its {COUNTS}: one of them is damaged, or of "
        "another dissection; dissect again"
    )
