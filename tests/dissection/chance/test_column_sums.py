"""Is what masks share with labels that lend themselves what counting pixel by pixel says?"""

import numpy as np
import pytest
import torch
from torch import from_numpy

from prunescope.dissection.chance import column_sums
from prunescope.dissection.chance.column_sums import Packing, Stack
from prunescope.dissection.kept_masks import Masks
from prunescope.dissection.label_maps import CategoryLabels

CPU = torch.device("cpu")


def make_labels(source, shape, labels, planes):
    """Return labels at random, of which the last fills the map."""
    codes = source.integers(0, labels, (planes, shape[0] * shape[1]))
    return CategoryLabels(
        label_indices=np.sort(source.choice(40, labels, replace=False)),
        truth=np.zeros(labels, np.int64),
        codes=codes.astype(np.uint8),
        whole=(labels,),
    )


def make_masks(grids):
    """Return the runs of masks. grids: whether each covers each pixel."""
    width = grids.shape[2]
    starts, ends, last = [], [], []
    for grid in grids:
        for column in range(width):
            edges = np.diff(np.concatenate([[0], grid[:, column].astype(int), [0]]))
            starts += [row * width + column for row in np.flatnonzero(edges == 1)]
            ends += [row * width + column for row in np.flatnonzero(edges == -1)]
        last.append(len(starts) - 1)
    return Masks(
        units=torch.arange(len(grids)),
        area=from_numpy(grids.sum(axis=(1, 2)).astype(np.int64)),
        last=torch.tensor(last),
        starts=torch.tensor(starts),
        ends=torch.tensor(ends),
    )


def count(shared, draws, masks):
    """Return what the pairs say, by draw, label of the set and mask."""
    counts = np.zeros((draws, 40, masks), np.int64)
    for some in shared:
        for draw, label, pixels in zip(some.draws, some.labels, some.pixels, strict=True):
            counts[int(draw), int(label)] += pixels.numpy()
    return counts


@pytest.mark.parametrize("way", ["_totals_by_numpy", "_totals_by_torch"])
@pytest.mark.parametrize(
    ("shape", "planes", "bits"),
    [((5, 7), 1, 8), ((255, 2), 1, 8), ((256, 2), 1, 16), ((100, 3), 3, 16), ((250, 300), 1, 16)],
)
def test_masks_share_with_labels_the_pixels_that_both_cover(way, shape, planes, bits, monkeypatch):
    """Whether sums are of 8 or 16 bits, and whichever library adds them up."""
    monkeypatch.setattr(column_sums, "_totals_by_numpy", getattr(column_sums, way))
    source = np.random.default_rng(shape[0])
    lent = [make_labels(source, shape, labels, planes) for labels in (3, 19, 1)]
    grids = np.stack([source.random(shape) < share for share in (0.02, 0.5, 2)])
    grids[0, -1, -1] = True  # a run that ends with the map
    masks = make_masks(grids)
    stack = Stack.of(lent, shape, CPU)
    assert stack.packing == Packing(bits=bits)
    rows = np.array([1, 0, 2, 1])
    expected = np.zeros((len(rows), 40, len(grids)), np.int64)
    for draw, row in enumerate(rows):
        for code, label in enumerate(lent[row].label_indices, start=1):
            where = (lent[row].codes == code).sum(axis=0) + (code in lent[row].whole)
            expected[draw, label] = (grids.reshape(len(grids), -1) * where).sum(axis=1)
    assert np.array_equal(count(stack.shared(rows, masks), len(rows), len(grids)), expected)


def test_what_lies_between_is_made_in_portions(monkeypatch):
    source = np.random.default_rng(1)
    lent = [make_labels(source, (6, 6), 4, 1) for _ in range(5)]
    masks = make_masks(source.random((3, 6, 6)) < 0.4)
    stack, rows = Stack.of(lent, (6, 6), CPU), np.array([4, 1, 1, 0, 3, 2, 2])
    at_once = count(stack.shared(rows, masks), len(rows), 3)
    monkeypatch.setattr(column_sums, "_NEAR", 1)
    assert np.array_equal(count(stack.shared(rows, masks), len(rows), 3), at_once)
