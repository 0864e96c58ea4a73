"""Which pixels of a label map does an activation map exceed its threshold on?"""

import functools

import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor


@functools.cache
def interpolation(cells: int, pixels: int) -> Float64[Tensor, "pixel cell"]:
    """Return how much of each cell every pixel of one axis reads, times 2 * pixels.

    Linear between cells, half-pixel centres, clamped at the edges: divided by 2 * pixels, the
    weights of `F.interpolate(..., mode="bilinear", align_corners=False)`. Scaled so, they are
    whole numbers and carry no rounding.
    """
    centres = (2 * torch.arange(pixels) + 1) * cells - pixels
    centres = centres.clamp(0, 2 * pixels * (cells - 1))
    lower = centres // (2 * pixels)
    share = centres % (2 * pixels)
    weights = torch.zeros(pixels, cells, dtype=torch.int64)
    weights.scatter_add_(1, lower[:, None], 2 * pixels - share[:, None])
    weights.scatter_add_(1, (lower + 1).clamp(max=cells - 1)[:, None], share[:, None])
    return weights.double()


def masks_above(
    maps: Float32[Tensor, "unit height width"],
    thresholds: Float64[Tensor, " unit"],
    shape: tuple[int, int],
) -> Bool[Tensor, "unit row column"]:
    """Mark the pixels at which the upsampled map is strictly above its unit's threshold.

    shape: rows and columns of the mask.
    What is interpolated, in float64, is the excess over the threshold: cells that equal it give
    exactly 0 between them, so a map whose maximum does not exceed it has an empty mask.
    """
    rows, columns = (
        interpolation(cells, pixels).to(maps.device)
        for cells, pixels in zip(maps.shape[1:], shape, strict=True)
    )
    excess = maps.double() - thresholds[:, None, None]
    return rows @ (excess @ columns.T) > 0
