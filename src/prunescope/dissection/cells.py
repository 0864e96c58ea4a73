"""Which cells of an activation map does a pixel of the label map read, and with which weights?"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from prunescope.dissection.conventions import Centring
from prunescope.dissection.regions import Regions, label_masks
from prunescope.dissection.upsample import read_axis

_FEW_CELLS = 256  # of which the products of all pairs are cheap


@dataclass(frozen=True, kw_only=True)
class CellReader:
    """How the pixels of a label map read the cells of a map, as `runs_above` upsamples it.

    before, after: the cells on either side of each row and of each column of pixels.
    share: the weight of the cell after it.
    weights: the weight of every cell (a row) for every row or column of pixels.
    """

    before: tuple[Int64[Tensor, " row"], Int64[Tensor, " column"]]
    after: tuple[Int64[Tensor, " row"], Int64[Tensor, " column"]]
    share: tuple[Float32[Tensor, " row"], Float32[Tensor, " column"]]
    weights: tuple[Float32[Tensor, "height row"], Float32[Tensor, "width column"]]

    def squares(self, by_cell: Float32[Tensor, "image cell unit"]) -> Float32[Tensor, "image unit"]:
        """Return the sum over all pixels of the squares of upsampled maps.

        For every two cells of an axis it takes the sum over its pixels of the product of weights.
        """
        down, across = (weights @ weights.T for weights in self.weights)
        if by_cell.shape[1] <= _FEW_CELLS:
            products = torch.kron(down, across) @ by_cell
        else:
            by_row = by_cell.view(len(by_cell), len(down), len(across), -1)
            products = (down @ (across @ by_row).flatten(2)).view(by_cell.shape)
        return products.mul_(by_cell).sum(dim=1)

    def at(
        self, pixels: Int64[Tensor, " point"]
    ) -> tuple[Int64[Tensor, "point 4"], Float32[Tensor, "point 4"]]:
        """Return the cells that some pixels read, and their weights."""
        width, columns = self.weights[1].shape
        row, column = pixels.div(columns, rounding_mode="floor"), pixels % columns
        upper, lower = (part[row] * width for part in (self.before[0], self.after[0]))
        left, right = (part[column] for part in (self.before[1], self.after[1]))
        down, across = self.share[0][row], self.share[1][column]
        cells = torch.stack([upper + left, upper + right, lower + left, lower + right], dim=1)
        up, back = 1 - down, 1 - across
        weights = torch.stack([up * back, up * across, down * back, down * across], dim=1)
        return cells, weights


def labels_on_cells(
    regions: Sequence[Regions], reader: CellReader
) -> Float32[Tensor, "image cell label"]:
    """Return the sum of each cell's weights over the pixels that carry a label.

    All label maps have one size. The last label stands for all pixels; those before it for the
    codes of each image, from 1, and surplus ones are 0.
    """
    down, across = reader.weights
    masks = label_masks(regions, down.device)
    images, _, labels = masks.shape
    with torch.autocast(down.device.type, enabled=False):
        rows = down @ masks.view(images, down.shape[1], -1)
        sums = across @ rows.view(images, len(down), across.shape[1], labels)
    of_all = down.sum(dim=1)[:, None] * across.sum(dim=1)
    return torch.cat([sums.flatten(1, 2), of_all.view(1, -1, 1).expand(images, -1, 1)], dim=2)


@functools.lru_cache(maxsize=16)
def cell_reader(
    cells: tuple[int, int], shape: tuple[int, int], centring: Centring, device: torch.device
) -> CellReader:
    """Return how a label map of this shape reads maps with these cells."""
    axes = [_axis(*both, centring) for both in zip(cells, shape, strict=True)]
    before, after, share, weights = (
        tuple(part.to(device) for part in parts) for parts in zip(*axes, strict=True)
    )
    return CellReader(before=before, after=after, share=share, weights=weights)


def _axis(cells: int, pixels: int, centring: Centring) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    axis = read_axis(cells, pixels, centring)
    numbers = torch.arange(pixels, device="cpu")
    gap = torch.arange(cells + 1, device="cpu").repeat_interleave(axis.pixels)
    share = (axis.share[gap] + (numbers - axis.first[gap]) * axis.step) / axis.whole
    before, after = (gap - 1).clamp(min=0), gap.clamp(max=cells - 1)
    weights = torch.zeros(cells, pixels, device="cpu")
    weights[before, numbers] += 1 - share
    weights[after, numbers] += share
    return before, after, share, weights
