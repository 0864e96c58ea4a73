"""On which pixels of a label map does an activation map exceed its threshold?"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor
from torch.nn import functional

from prunescope.dissection.conventions import Centring

_QUAD_COLUMNS_IN_A_CACHE = 1 << 17  # 1 MiB in float64
_QUAD_COLUMNS_ON_A_GPU = 1 << 21
_LEAST = torch.finfo(torch.float64).tiny
_DOUBT = 2.0**-20  # pixels, far more than the estimate of where a line crosses 0 can be off


@dataclass(frozen=True, kw_only=True)
class Axis:
    """How the pixels of one axis read its cells: linearly between the two on either side.

    Gap i lies between the centres of the cells i - 1 and i; before the first and after the last
    both are the edge cell, which clamps. The nth pixel of a gap weighs the cell after it by
    `share + n * step` and the cell before it by the rest up to `whole`: integers, so no rounding.
    first, pixels: the first pixel of each gap, and how many it has.
    """

    first: Int64[Tensor, " gap"]
    pixels: Int64[Tensor, " gap"]
    share: Int64[Tensor, " gap"]
    step: int
    whole: int


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The pixels above the threshold, map by map, in runs down the columns of the label map.

    areas, counts: how many pixels, and how many runs, each map has.
    starts, ends: the index of the first pixel of each run, and of the pixel below its last. The
        index of row r and column c is r * width + c, also in the row below the label map.
    width: of the label map.
    """

    areas: Int64[Tensor, " map"]
    counts: Int64[Tensor, " map"]
    starts: Int64[Tensor, " run"]
    ends: Int64[Tensor, " run"]
    width: int

    def parts(self, cuts: Sequence[int]) -> Iterator["Runs"]:
        """Yield the runs of the maps between each cut and the next."""
        bounds = functional.pad(self.counts.cumsum(0), (1, 0))[list(cuts)].tolist()
        for maps, runs in zip(pairwise(cuts), pairwise(bounds), strict=True):
            yield Runs(
                areas=self.areas[slice(*maps)],
                counts=self.counts[slice(*maps)],
                starts=self.starts[slice(*runs)],
                ends=self.ends[slice(*runs)],
                width=self.width,
            )

    def pixels(self) -> Int64[Tensor, " hit"]:
        """Return the indices of the pixels, one map after the other."""
        lengths = (self.ends - self.starts).div(self.width, rounding_mode="floor")
        last = lengths.cumsum(0)
        within = torch.arange(int(lengths.sum()), device=last.device)
        within -= (last - lengths).repeat_interleave(lengths)
        return self.starts.repeat_interleave(lengths).add_(within, alpha=self.width)


@functools.cache
def read_axis(cells: int, pixels: int, centring: Centring = "half-pixel") -> Axis:
    """Return how an axis of `pixels` pixels reads `cells` cells, clamped at the edges.

    half-pixel: as `F.interpolate(..., mode="bilinear", align_corners=False)`.
    nominal: every cell's centre is half a pixel further on (Network Dissection, 2017).
    """
    whole, shift = 2 * pixels, 1 if centring == "half-pixel" else 0
    numbers = torch.arange(pixels, device="cpu")
    positions = (2 * numbers + shift) * cells - pixels  # in cells, times `whole`
    gaps = positions.div(whole, rounding_mode="floor") + 1
    counts = torch.bincount(gaps, minlength=cells + 1)
    first = counts.cumsum(0) - counts
    before = (torch.arange(cells + 1, device="cpu") - 1) * whole
    share = positions[first.clamp(max=pixels - 1)] - before
    return Axis(first=first, pixels=counts, share=share, step=2 * cells, whole=whole)


def runs_above(
    maps: Float32[Tensor, "map height width"],
    thresholds: Float64[Tensor, " map"],
    shape: tuple[int, int],
    centring: Centring = "half-pixel",
) -> Runs:
    """Return the pixels at which each upsampled map is strictly above its threshold.

    shape: rows and columns of the label map.
    The excess over the threshold is interpolated, in float64. Between cells equal to the threshold
    it is exactly 0, so a map whose maximum does not exceed it has no pixel above it.
    Only quads of four neighbouring cells of which one is above the threshold are computed.
    """
    height, width = maps.shape[1:]
    quads = _read_quads((height, width), shape, centring, maps.device)
    quads_a_map = (height + 1) * (width + 1)
    above = _quads_above(maps > thresholds[:, None, None])
    areas = torch.zeros(len(maps), dtype=torch.float64, device=maps.device)
    counts = torch.zeros(len(maps), dtype=torch.int64, device=maps.device)
    ends_of_runs = [(above[:0], above[:0])]
    room = _QUAD_COLUMNS_ON_A_GPU if maps.is_cuda else _QUAD_COLUMNS_IN_A_CACHE
    step = max(1, room // quads.left.shape[1])
    for start in range(0, len(above), step):
        portion = above[start : start + step]
        owners = portion.div(quads_a_map, rounding_mode="floor")
        indices = portion - owners * quads_a_map
        cells = quads.cells.index_select(0, indices).add_(owners[:, None], alpha=height * width)
        corners = maps.reshape(-1).index_select(0, cells.view(-1)).double().view(-1, 4)
        corners -= thresholds.index_select(0, owners)[:, None]
        pixels, runs, starts, ends = quads.runs(indices, corners)
        areas.index_add_(0, owners, pixels)
        counts.index_add_(0, owners, runs)
        ends_of_runs.append((starts, ends))
    starts, ends = (torch.cat(parts) for parts in zip(*ends_of_runs, strict=True))
    return Runs(areas=areas.long(), counts=counts, starts=starts, ends=ends, width=shape[1])


def masks_above(
    maps: Float32[Tensor, "map height width"],
    thresholds: Float64[Tensor, " map"],
    shape: tuple[int, int],
    centring: Centring = "half-pixel",
) -> Bool[Tensor, "map row column"]:
    """Mark the pixels of `runs_above`."""
    runs = runs_above(maps, thresholds, shape, centring)
    masks = torch.zeros(len(maps), shape[0] * shape[1], dtype=torch.bool, device=maps.device)
    owners = torch.arange(len(maps), device=maps.device).repeat_interleave(runs.areas)
    masks[owners, runs.pixels()] = True
    return masks.view(-1, *shape)


def true_indices(mask: Bool[Tensor, "..."]) -> Int64[Tensor, " index"]:
    """Return the indices into the flattened mask at which it is true, ascending.

    On a CPU NumPy's search takes a third of the time of torch's.
    """
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def _quads_above(above: Bool[Tensor, "map height width"]) -> Int64[Tensor, " quad"]:
    """Return the index, among the quads of all maps, of every quad with a cell above."""
    padded = functional.pad(above, (1, 1, 1, 1))
    tall = padded[:, :-1] | padded[:, 1:]
    return true_indices(tall[:, :, :-1] | tall[:, :, 1:])


@dataclass(frozen=True, kw_only=True)
class _Quads:
    """How the pixels between four neighbouring cells read them, for every quad of a map.

    cells: indices of the upper left, upper right, lower left and lower right cell.
    left, right: the weights of the cells at that side for each column, times the `whole` of its
        axis; 0 in columns that the quad does not have, whose excess is then 0.
    down: the weight of the lower cells for the first pixel of a column, times `whole` (it rises by
        `step` with each pixel); by how much the weight of the upper cells for the last pixel
        exceeds it; how many pixels a column has; the index of the first pixel of the first column.
    tallest: the most pixels that a column has. width: of the label map.
    """

    cells: Int64[Tensor, "quad 4"]
    left: Float64[Tensor, "quad column"]
    right: Float64[Tensor, "quad column"]
    down: Float64[Tensor, "quad 4"]
    tallest: int
    step: int
    whole: int
    width: int

    def runs(
        self, quads: Int64[Tensor, " quad"], excess: Float64[Tensor, "quad 4"]
    ) -> tuple[
        Float64[Tensor, " quad"],
        Int64[Tensor, " quad"],
        Int64[Tensor, " run"],
        Int64[Tensor, " run"],
    ]:
        """Return how many pixels of some quads are above 0, in how many runs, and the runs' ends.

        quads: their indices. excess: of their cells over the threshold.
        Down a column of a quad the excess is linear, and its rounded value is monotonic: the pixels
        above 0 are one run that starts at the higher side.
        """
        left, right = self.left.index_select(0, quads), self.right.index_select(0, quads)
        from_upper, more_from_lower, pixels, top = torch.split(
            self.down.index_select(0, quads), 1, dim=1
        )
        upper_left, upper_right, lower_left, lower_right = torch.split(excess, 1, dim=1)
        upper = (left * upper_left).addcmul_(right, upper_right)
        lower = (left * lower_left).addcmul_(right, lower_right)
        mirrored = lower.clone().gt_(upper)  # 0 or 1: torch.where takes several times as long
        taken = torch.addcmul(from_upper, mirrored, more_from_lower)
        lengths = self._lengths(upper, lower, taken)
        lengths = torch.minimum(lengths, pixels)
        fires = lengths > 0
        starts = torch.add(top, (pixels - lengths).mul_(mirrored), alpha=self.width)
        starts += torch.arange(starts.shape[1], device=starts.device)
        firing = true_indices(fires)
        starts, lengths_above = (
            part.view(-1).index_select(0, firing).long() for part in (starts, lengths)
        )
        ends = starts + lengths_above * self.width
        return lengths.sum(dim=1), fires.sum(dim=1), starts, ends

    def _lengths(
        self,
        upper: Float64[Tensor, "quad column"],
        lower: Float64[Tensor, "quad column"],
        taken: Float64[Tensor, "quad column"],
    ) -> Float64[Tensor, "quad column"]:
        """Return how many pixels from the higher side on are above 0; maybe too many, if all are.

        upper, lower: the excess at the sides. taken: the first pixel's weight of the other side.
        The crossing of 0 is estimated; near a pixel, the sign of that pixel is computed.
        """
        high, fall = torch.maximum(upper, lower), (upper - lower).abs_().clamp_(min=_LEAST)
        crossing = (high / fall).mul_(self.whole / self.step).sub_(taken, alpha=1 / self.step)
        crossing.clamp_(min=-0.5, max=self.tallest + 0.5)
        lengths = crossing.ceil()
        near = true_indices((lengths - crossing).sub_(0.5).abs_() > 0.5 - _DOUBT)
        low = torch.minimum(upper.view(-1)[near], lower.view(-1)[near])
        pixel = crossing.view(-1)[near].round()
        share = taken.view(-1)[near] + pixel * self.step
        value = high.view(-1)[near] * (self.whole - share) + low * share
        lengths.view(-1)[near] = pixel + (value > 0)
        return lengths


@functools.lru_cache(maxsize=16)
def _read_quads(
    cells: tuple[int, int], shape: tuple[int, int], centring: Centring, device: torch.device
) -> _Quads:
    """Return the quads of a map with these cells on a label map of this shape, row by row."""
    (height, width), columns = cells, shape[1]
    down, across = (read_axis(*both, centring) for both in zip(cells, shape, strict=True))
    quads = torch.arange((height + 1) * (width + 1), device="cpu")
    y, x = quads.div(width + 1, rounding_mode="floor"), quads % (width + 1)
    upper, lower = ((y - 1).clamp(min=0) * width, y.clamp(max=height - 1) * width)
    left, right = ((x - 1).clamp(min=0), x.clamp(max=width - 1))
    within = torch.arange(int(across.pixels.max()), device="cpu")
    share = (across.share[:, None] + within * across.step)[x]
    inside = within < across.pixels[x, None]
    more = down.whole - 2 * down.share - (down.pixels - 1) * down.step
    top = down.first[y] * columns + across.first[x]
    fields = {
        "cells": torch.stack([upper + left, upper + right, lower + left, lower + right], dim=1),
        "left": ((across.whole - share) * inside).double(),
        "right": (share * inside).double(),
        "down": torch.stack([down.share[y], more[y], down.pixels[y], top], dim=1).double(),
    }
    on_device = {name: field.to(device) for name, field in fields.items()}
    return _Quads(
        **on_device,
        tallest=int(down.pixels.max()),
        step=down.step,
        whole=down.whole,
        width=columns,
    )
