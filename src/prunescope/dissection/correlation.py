"""How closely do upsampled activations and labels correlate, over all pixels?"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped
from torch import Tensor, from_numpy

from prunescope.dissection.cells import CellReader, labels_on_cells
from prunescope.dissection.regions import Regions

_MASKS_IN_A_CACHE = 1 << 19  # 2 MiB in float32
_MASKS_ON_A_GPU = 1 << 23
_GRAIN = 2.0**-22  # what the sums of an image are rounded to multiples of
_LEAST = 1e-9  # share of the squares that a varying activation's variance exceeds


class CorrelationSums:
    """The sums of Pearson's correlation, over the pixels of the images that carry a category.

    Upsampling is linear and separable, so that no map is upsampled: with the weights W of each axis
    and the label's mask Y, the sum over all pixels is a . (W Y W') of a map a and a label, and
    a . (W W' a W W') of the map's squares. The sums of an image are rounded so finely that adding
    them in float64 is exact: the order of the images changes nothing.
    """

    def __init__(
        self,
        shift: Float32[Tensor, " unit"],
        scale: Float32[Tensor, " unit"],
        category_of: Int64[np.ndarray, " label"],
        categories: int,
    ) -> None:
        """Begin empty.

        shift, scale: about where each unit's activations lie, and how far around it: the sums are
            of their differences from it as multiples of the scale. category_of: the category of
            every label.
        """
        self._shift = shift
        self._factor = 1 / scale
        self._category_of = category_of
        device, units = shift.device, len(shift)
        # An extra row takes what images with fewer labels than others are padded with.
        self.products = _zeros(len(category_of) + 1, units, device=device)
        self.sums = _zeros(categories, units, device=device)
        self.squares = _zeros(categories, units, device=device)

    def add(
        self,
        by_cell: Float32[Tensor, "image cell unit"],
        regions: Sequence[Regions],
        readers: Sequence[CellReader],
    ) -> None:
        """Add the images of a batch, with how their label maps read the cells."""
        for portion in _portions(regions, by_cell.device):
            centred = (by_cell[portion] - self._shift).mul_(self._factor)
            self._add(centred, regions[portion], readers[portion.start])

    def _add(
        self,
        by_cell: Float32[Tensor, "image cell unit"],
        regions: Sequence[Regions],
        reader: CellReader,
    ) -> None:
        labels = labels_on_cells(regions, reader)
        with torch.autocast(by_cell.device.type, enabled=False):
            products = _rounded(labels.transpose(1, 2) @ by_cell)
            squares = _rounded(reader.squares(by_cell))
        carried = self._carried(regions)
        self.sums += carried @ products[:, -1]
        self.squares += carried @ squares
        rows = np.full((len(regions), labels.shape[2]), len(self._category_of))
        for row, labelled in enumerate(regions):
            rows[row, : len(labelled.label_indices)] = labelled.label_indices
        target = from_numpy(rows.reshape(-1)).to(by_cell.device)
        self.products.index_add_(0, target, products.flatten(0, 1))

    def _carried(self, regions: Sequence[Regions]) -> Float64[Tensor, "category image"]:
        carried = torch.zeros(len(self.sums), len(regions), dtype=torch.float64)
        for column, labelled in enumerate(regions):
            carried[self._category_of[labelled.label_indices], column] = 1
        return carried.to(self._shift.device)


def pearson(
    products: Float64[np.ndarray, "*pair"],
    sums: Float64[np.ndarray, "*pair"],
    squares: Float64[np.ndarray, "*pair"],
    truth: Shaped[np.ndarray, "*pair"],
    pixels: Shaped[np.ndarray, "*pair"],
) -> Float64[np.ndarray, "*pair"]:
    """Return Pearson's correlation of activations x with a label's mask y, from sums over pixels.

    products, sums, squares: of x y, x and x x. truth, pixels: how many y are 1, and all.
    nan where x or y is the same at all pixels.
    """
    count, positive = pixels.astype(np.float64), truth.astype(np.float64)
    covariance = count * products - sums * positive
    spread = (count * squares - sums**2).clip(0)
    varies = (spread > _LEAST * count * squares) & (truth > 0) & (truth < pixels)
    with np.errstate(all="ignore"):
        ratio = covariance / np.sqrt(spread) / np.sqrt(positive * (count - positive))
    return np.where(varies, ratio.clip(-1, 1), np.nan)


def _portions(regions: Sequence[Regions], device: torch.device) -> Iterator[slice]:
    """Split images into those whose label maps have one size, and whose masks fit into a cache."""
    room = _MASKS_ON_A_GPU if device.type == "cuda" else _MASKS_IN_A_CACHE
    for _, stretch in groupby(range(len(regions)), key=lambda image: regions[image].shape):
        images = list(stretch)
        labels = max(len(regions[image].label_indices) for image in images)
        step = max(1, room // (regions[images[0]].pixels * max(1, labels)))
        for start in range(images[0], images[-1] + 1, step):
            yield slice(start, min(start + step, images[-1] + 1))


def _rounded(values: Tensor) -> Tensor:
    return values.double().div_(_GRAIN).round_().mul_(_GRAIN)


def _zeros(*shape: int, device: torch.device) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64, device=device)
