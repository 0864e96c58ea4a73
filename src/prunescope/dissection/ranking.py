"""How well does ranking all pixels by their activation find those that carry a label?"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int32, Int64, Integer
from torch import Tensor, from_numpy
from torch.nn.functional import embedding_bag

from prunescope.dissection.activation_bins import ActivationBins
from prunescope.dissection.cells import CellReader
from prunescope.dissection.sample_points import SamplePoints

_BLOCK = 32  # units at a time: what is counted of them fits into a cache
_MOST_IN_INT32 = 2**31 - 1
_NODES, _NODE_WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(4))
_NODES = _NODES + 0.5


class RankingTable:
    """How many pixels of each label and category are in each bin of each unit's activations.

    Every pixel is counted, but with the activation of the point that stands for it.
    """

    def __init__(
        self, bins: ActivationBins, category_of: Int64[np.ndarray, " label"], categories: int
    ) -> None:
        """Begin empty. category_of: the category of every label."""
        self._bins = bins
        self._category_of = category_of
        self._categories = categories
        # A slot for every label, and one for what is left of every category.
        self._slots = len(category_of) + categories
        self._units = len(bins.shift)
        self._starts = range(_BLOCK, self._units, _BLOCK)
        shape = self._slots * bins.count, _BLOCK
        self._device = bins.shift.device
        self._table = [
            from_numpy(np.zeros(shape, np.int32)).to(self._device)
            for _ in range(len(self._starts) + 1)
        ]
        self._counted = 0

    def add(
        self,
        by_cell: Float32[Tensor, "image cell unit"],
        points: Sequence[SamplePoints],
        readers: Sequence[CellReader],
    ) -> None:
        """Add the images of a batch, with how their label maps read the cells."""
        self._make_room(sum(int(of_image.counts.sum()) for of_image in points))
        device = by_cell.device
        read = [
            reader.at(from_numpy(of_image.pixels).to(device))
            for reader, of_image in zip(readers, points, strict=True)
        ]
        cells = torch.cat(
            [index + image * by_cell.shape[1] for image, (index, _) in enumerate(read)]
        )
        weights = torch.cat([weight for _, weight in read])
        point, first_bin, count = (from_numpy(part).to(device) for part in self._pairs(points))
        scaled = self._bins.scaled(by_cell).flatten(0, 1)
        columns = torch.arange(_BLOCK, dtype=torch.int32, device=device)
        counts = count[:, None].expand(-1, _BLOCK).contiguous()

        def add_block(block: int) -> None:
            units = slice(block * _BLOCK, min((block + 1) * _BLOCK, self._units))
            with torch.inference_mode(), torch.autocast(device.type, enabled=False):
                values = embedding_bag(
                    cells, scaled[:, units].contiguous(), mode="sum", per_sample_weights=weights
                )
                bins = self._bins.of(values, units).mul_(_BLOCK).add_(columns[: values.shape[1]])
                target = bins.index_select(0, point).add_(first_bin[:, None])
                source = counts[:, : values.shape[1]].reshape(-1)
                self._table[block].view(-1).index_add_(0, target.view(-1), source)

        # `index_add_` counts on one core, so that blocks are counted beside each other.
        with ThreadPoolExecutor(1 if device.type == "cuda" else torch.get_num_threads()) as pool:
            deque(pool.map(add_block, range(len(self._table))), maxlen=0)

    def counts(
        self, labels: Int64[np.ndarray, "unit rank"]
    ) -> tuple[Int64[Tensor, "unit rank bin"], Int64[Tensor, "unit category bin"]]:
        """Return the pixels of some labels of each unit, and of the images of each category."""
        device, bins = self._device, self._bins.count
        homes = np.concatenate([self._category_of, np.arange(self._categories)])
        home = from_numpy(homes).to(device)
        columns = torch.arange(_BLOCK, device=device)[:, None]
        carried, pixels = [], []
        # One for all blocks: malloc cannot reuse what lies between results of theirs, which stay.
        by_slot = torch.empty((self._slots, bins, _BLOCK), dtype=torch.int64, device=device)
        for table, of_block in zip(self._table, np.split(labels, self._starts), strict=True):
            by_slot.copy_(table.view(self._slots, bins, _BLOCK))
            index = from_numpy(of_block).to(device)
            carried.append(by_slot[index, :, columns[: len(index)]])
            total = by_slot.new_zeros(self._categories, bins, _BLOCK).index_add_(0, home, by_slot)
            pixels.append(total[:, :, : len(index)].permute(2, 0, 1))
        return torch.cat(carried), torch.cat(pixels)

    def _pairs(
        self, points: Sequence[SamplePoints]
    ) -> tuple[
        Int64[np.ndarray, " pair"], Int32[np.ndarray, " pair"], Integer[np.ndarray, " pair"]
    ]:
        """Return point, first bin of a slot, and how many pixels it adds there.

        A category's points without a label of it go to what is left of the category; a point with
        several takes from it what it adds too often.
        """
        of_points, slots, counts = [], [], []
        before = 0
        for of_image in points:
            of_points.append(before + of_image.points)
            slots.append(of_image.label_indices)
            counts.append(of_image.counts[of_image.points])
            labels = np.zeros((len(of_image.pixels), self._categories), np.int64)
            np.add.at(labels, (of_image.points, self._category_of[of_image.label_indices]), 1)
            left, category = np.nonzero((labels != 1) & labels.any(axis=0))
            of_points.append(before + left)
            slots.append(len(self._category_of) + category)
            counts.append(of_image.counts[left] * (1 - labels[left, category]))
            before += len(of_image.pixels)
        dtype = np.int32 if self._table[0].dtype == torch.int32 else np.int64
        return (
            np.concatenate(of_points),
            (np.concatenate(slots) * self._bins.count * _BLOCK).astype(np.int32),
            np.concatenate(counts).astype(dtype),
        )

    def _make_room(self, pixels: int) -> None:
        """Count in 64 bits as soon as 32 might be too few."""
        self._counted += pixels * max(1, self._categories)
        if self._counted > _MOST_IN_INT32:
            for block, table in enumerate(self._table):  # never all of them in both
                self._table[block] = table.long()


def average_precision(
    carried: Int64[np.ndarray, "*pair bin"], pixels: Int64[np.ndarray, "*pair bin"]
) -> Float64[np.ndarray, "*pair"]:
    """Return the average precision of a ranking, from how many pixels are in each bin.

    carried: those that carry the label. pixels: all. Bins ascend.
    The pixels of the lowest bin are tied, as scikit-learn's `average_precision_score` counts ties.
    Within each other bin the number of pixels found rises smoothly with the number looked at: by
    the monotonic cubic through the ends of all bins (Fritsch & Butland 1984, as in scipy's
    `PchipInterpolator`), along which precision is integrated. nan without a pixel of the label.
    """
    found, looked = (
        part[..., ::-1].astype(np.float64) for part in (carried, pixels)
    )  # from the highest bin down
    total, all_looked = found.sum(axis=-1), looked.sum(axis=-1)
    with np.errstate(all="ignore"):
        tied = found[..., -1] * total / all_looked
        area = _area(found[..., :-1], looked[..., :-1])
        precision = (area + np.nan_to_num(tied)) / total
    highest: Float64[np.ndarray, "*pair"] = np.minimum(precision, 1.0)  # sums round to above it
    return highest


def _area(
    found: Float64[np.ndarray, "*pair bin"], looked: Float64[np.ndarray, "*pair bin"]
) -> Float64[np.ndarray, "*pair"]:
    """Integrate precision over the pixels found, bin by bin."""
    order = np.argsort(looked == 0, axis=-1, kind="stable")  # empty bins to the end
    found, looked = (np.take_along_axis(part, order, axis=-1) for part in (found, looked))
    full = looked > 0
    upto, looked_upto = found.cumsum(axis=-1), looked.cumsum(axis=-1)
    start, looked_before = upto - found, looked_upto - looked
    rise = np.where(full, found / looked, 0)
    first, last = _slopes(rise, looked, full)
    area = np.zeros(found.shape)
    for node, weight in zip(_NODES, _NODE_WEIGHTS, strict=True):
        square, cube = node**2, node**3
        from_slopes = (cube - 2 * square + node) * first + (cube - square) * last
        position = start + (3 * square - 2 * cube) * found + looked * from_slopes
        slope = (6 * node - 6 * square) * found + looked * (
            (3 * square - 4 * node + 1) * first + (3 * square - 2 * node) * last
        )
        # No more pixels can be found than are looked at, which the cubic does not know.
        precision = position / (looked_before + np.maximum(node * looked, position - start))
        area += weight * np.where(full, precision * slope, 0)
    whole: Float64[np.ndarray, "*pair"] = area.sum(axis=-1)
    return whole


def _slopes(
    rise: Float64[np.ndarray, "*pair bin"],
    looked: Float64[np.ndarray, "*pair bin"],
    full: Bool[np.ndarray, "*pair bin"],
) -> tuple[Float64[np.ndarray, "*pair bin"], Float64[np.ndarray, "*pair bin"]]:
    """Return the slope of the cubic at the first and the last end of each bin, in [0, 1]."""
    width, width_after = looked[..., :-1], looked[..., 1:]
    heavy, light = 2 * width_after + width, width_after + 2 * width
    between = (heavy + light) / (heavy / rise[..., :-1] + light / rise[..., 1:])
    between = np.where((rise[..., :-1] > 0) & (rise[..., 1:] > 0), between, 0)
    first = np.concatenate([_outermost(rise, looked)[..., None], between], axis=-1)
    last = np.concatenate([between, rise[..., -1:]], axis=-1)
    is_last = full & ~np.concatenate([full[..., 1:], np.zeros_like(full[..., :1])], axis=-1)
    return first.clip(0, 1), np.where(is_last, rise, last).clip(0, 1)


def _outermost(
    rise: Float64[np.ndarray, "*pair bin"], looked: Float64[np.ndarray, "*pair bin"]
) -> Float64[np.ndarray, "*pair"]:
    """Return the slope where nothing has been looked at yet, by the first two bins."""
    width, width_after = looked[..., 0], looked[..., 1]
    slope = (2 * width + width_after) * rise[..., 0] - width * rise[..., 1]
    by_two: Float64[np.ndarray, "*pair"] = slope / (width + width_after)
    return np.where(width_after > 0, by_two, rise[..., 0])
