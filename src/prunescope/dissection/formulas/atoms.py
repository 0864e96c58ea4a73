"""Which sets of labels do pixels carry, and how many pixels of each unit's masks carry each set?

An atom is all pixels, of all images, that carry the same labels. A formula is true on whole atoms,
so that its counts are sums over them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int64
from scipy import sparse

from prunescope.base.progress import Task
from prunescope.dissection.kept_masks import KeptMasks, Masks
from prunescope.dissection.label_maps import CategoryLabels

LabelsOf = Callable[[int], Sequence[CategoryLabels]]
"""Returns the labels of an image, category by category."""


@dataclass(frozen=True, kw_only=True)
class AtomCounts:
    """The atoms of all images, and how many pixels of each unit's masks they have.

    holds: sparse (atom, label), 1 where the pixels of an atom carry a label of the set.
    pixels: of each atom. counts: sparse (unit, atom), pixels of a unit's masks. All are int64.
    carried: the sets of categories that images carry, each once. areas: the pixels of a unit's
    masks on the images that carry each of these sets.
    """

    holds: Any
    pixels: Int64[np.ndarray, " atom"]
    counts: Any
    carried: Bool[np.ndarray, "kind category"]
    areas: Int64[np.ndarray, "unit kind"]


def count_atoms(
    masks: KeptMasks,
    row_of: Int64[np.ndarray, " unit"],
    labels_of: LabelsOf,
    carried: Bool[np.ndarray, "image category"],
    labels: int,
    task: Task | None = None,
) -> AtomCounts:
    """Count the pixels of the masks of some units by the labels that the pixels carry.

    masks: on all images. row_of: row of each unit among those counted, or NOT_WANTED.
    carried: whether an image carries a label of each category. labels: how many the set has.
    """
    carried_sets, kind_of = np.unique(carried, axis=0, return_inverse=True)
    kind_of = kind_of.reshape(-1)  # numpy 2.0 gives it another axis
    units = int(row_of.max()) + 1
    areas = np.zeros((units, len(carried_sets)), np.int64)
    number_of: dict[bytes, int] = {}  # of an atom, by the indices of its labels
    of_images: list[tuple[np.ndarray, np.ndarray]] = []
    of_masks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for image in masks.indices:
        parts = labels_of(image)
        if parts:
            atoms, keys = atoms_of_image(parts)
            numbers = np.array([number_of.setdefault(key, len(number_of)) for key in keys])
            of_images.append((numbers, np.bincount(atoms, minlength=len(keys))))
        on_image = masks.of(image, row_of)
        if parts and on_image is not None:
            areas[on_image.units.numpy(), kind_of[image]] += on_image.area.numpy()
            rows, found, pixels = _count(on_image, masks.width_of(image), atoms, len(keys))
            of_masks.append((rows, numbers[found].astype(np.int32), pixels))
        if task is not None:
            task.advance(note="counting")
    atom_pixels = np.zeros(len(number_of), np.int64)
    for numbers, pixels in of_images:
        atom_pixels[numbers] += pixels
    return AtomCounts(
        holds=_incidence(list(number_of), labels),
        pixels=atom_pixels,
        counts=_sum_up(of_masks, (units, len(number_of))),
        carried=carried_sets,
        areas=areas,
    )


def atoms_of_image(
    parts: Sequence[CategoryLabels],
) -> tuple[Int64[np.ndarray, " pixel"], list[bytes]]:
    """Return the atom of every pixel of an image, and the labels of each atom.

    parts: the labels of the image, category by category. An atom's labels are their indices among
    the set's, ascending, as the bytes of an int32 array. No two atoms have the same.
    """
    label_indices = np.concatenate([part.label_indices for part in parts])
    pixels = parts[0].codes.shape[1]
    atoms = np.zeros(pixels, np.int64)
    has = np.zeros((1, len(label_indices)), np.bool_)
    first = 0  # position of the part's labels among all
    for part in parts:
        base = len(part.label_indices) + 1
        for plane in part.codes:
            atoms, combined = pd.factorize(atoms * base + plane)
            parents, codes = np.divmod(combined, base)
            has = has[parents]
            carrying = np.flatnonzero(codes)
            has[carrying, first + codes[carrying] - 1] = True
        has[:, [first + code - 1 for code in part.whole]] = True
        first += base - 1
    order = label_indices.argsort()
    names, columns = np.nonzero(has[:, order])
    sorted_labels = label_indices[order].astype(np.int32)[columns]
    cuts = np.searchsorted(names, np.arange(len(has) + 1)).tolist()
    keys = [sorted_labels[a:b].tobytes() for a, b in pairwise(cuts)]
    distinct = list(dict.fromkeys(keys))  # planes may carry the same labels in another order
    if len(distinct) < len(keys):
        number_of = {key: number for number, key in enumerate(distinct)}
        atoms = np.array([number_of[key] for key in keys])[atoms]
    return atoms, distinct


def _count(
    masks: Masks, width: int, atoms: Int64[np.ndarray, " pixel"], count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of units, atoms, and how many pixels of the unit's mask each atom has, if any."""
    starts, ends = masks.starts.numpy(), masks.ends.numpy()
    lengths = (ends - starts) // width
    behind = lengths.cumsum()
    within = np.arange(behind[-1]) - np.repeat(behind - lengths, lengths)
    pixels = np.repeat(starts, lengths) + within * width
    owners = np.repeat(np.arange(len(masks.units)), masks.area.numpy())
    counted = np.bincount(owners * count + atoms[pixels], minlength=count * len(masks.units))
    found = np.flatnonzero(counted)
    owner, atom = np.divmod(found, count)
    rows = masks.units.numpy()[owner].astype(np.int32)
    return rows, atom, counted[found].astype(np.int32)


def _incidence(keys: Sequence[bytes], labels: int) -> Any:
    size = np.dtype(np.int32).itemsize
    cuts = np.cumsum([0, *(len(key) // size for key in keys)])
    indices = np.frombuffer(b"".join(keys), np.int32)
    ones = np.ones(len(indices), np.int64)
    return sparse.csr_matrix((ones, indices, cuts), shape=(len(keys), labels))


def _sum_up(
    parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], shape: tuple[int, int]
) -> Any:
    """Return a sparse matrix of the sums of counts, by rows and columns."""
    if not parts:
        return sparse.csr_matrix(shape, dtype=np.int64)
    rows, columns, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
    return sparse.csr_matrix((counts.astype(np.int64), (rows, columns)), shape=shape)
