"""Which pixels of a label map does an activation map exceed its threshold on?"""

import functools
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor
from torch.nn import functional

Centring: TypeAlias = Literal["half-pixel", "nominal"]
"""Where the centre of a cell lies: amid its pixels, or half a pixel further on."""

_QUAD_ROWS_AT_ONCE = 1 << 16  # 512 KiB in float64, so that a step stays in a core's cache


@dataclass(frozen=True, kw_only=True)
class Axis:
    """How the pixels of one axis read its cells: linearly between the two beside them.

    Gap i lies between the centres of the cells i - 1 and i; before the first and behind the last
    both are the edge cell, which clamps. The nth pixel of a gap takes `share + n * step` of the
    upper cell and the rest, up to `whole`, of the lower: whole numbers, which carry no rounding.
    first, pixels: of each gap, its first pixel and how many it has.
    """

    first: Int64[Tensor, " gap"]
    pixels: Int64[Tensor, " gap"]
    share: Int64[Tensor, " gap"]
    step: int
    whole: int

    def to(self, device: torch.device) -> "Axis":
        """Return the same on a device."""
        first, pixels, share = (part.to(device) for part in (self.first, self.pixels, self.share))
        return Axis(first=first, pixels=pixels, share=share, step=self.step, whole=self.whole)


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The pixels above the threshold, map by map.

    counts: how many each map has.
    pixels: their places in the flat label map, one map after the other.
    """

    counts: Int64[Tensor, " map"]
    pixels: Int64[Tensor, " hit"]


@functools.cache
def read_axis(cells: int, pixels: int, centring: Centring = "half-pixel") -> Axis:
    """Return how `pixels` pixels read `cells` cells, clamped at the edges.

    half-pixel: as `F.interpolate(..., mode="bilinear", align_corners=False)`.
    nominal: every cell's centre lies half a pixel further on (Network Dissection, 2017).
    """
    whole, shift = 2 * pixels, 1 if centring == "half-pixel" else 0
    places = (2 * torch.arange(pixels) + shift) * cells - pixels  # in cells, times `whole`
    gaps = places.div(whole, rounding_mode="floor") + 1
    counts = torch.bincount(gaps, minlength=cells + 1)
    first = counts.cumsum(0) - counts
    share = places[first.clamp(max=pixels - 1)] - (torch.arange(cells + 1) - 1) * whole
    return Axis(first=first, pixels=counts, share=share, step=2 * cells, whole=whole)


def pixels_above(
    maps: Float32[Tensor, "map height width"],
    thresholds: Float64[Tensor, " map"],
    shape: tuple[int, int],
    centring: Centring = "half-pixel",
) -> Hits:
    """Return the pixels at which each upsampled map is strictly above its threshold.

    shape: rows and columns of the label map.
    What is interpolated, in float64, is the excess over the threshold: cells that equal it give
    exactly 0 between them, so a map whose maximum does not exceed it has no pixel above.
    Only quads of four neighbouring cells are looked at of which one is above the threshold.
    """
    rows, columns = (
        read_axis(cells, pixels, centring).to(maps.device)
        for cells, pixels in zip(maps.shape[1:], shape, strict=True)
    )
    owners, down, across = _quads_above(maps > thresholds[:, None, None])
    counts = torch.zeros(len(maps), dtype=torch.int64, device=maps.device)
    found = [counts.new_zeros(0)]
    step = max(1, _QUAD_ROWS_AT_ONCE // int(rows.pixels.max()))
    for start in range(0, len(owners), step):
        some = slice(start, start + step)
        quads = owners[some], down[some], across[some]
        places, lengths, quad = _runs_above(maps, thresholds, quads, rows, columns, shape[1])
        counts.index_add_(0, quads[0][quad], lengths)
        found.append(_expand(places, lengths))
    return Hits(counts=counts, pixels=torch.cat(found))


def masks_above(
    maps: Float32[Tensor, "map height width"],
    thresholds: Float64[Tensor, " map"],
    shape: tuple[int, int],
    centring: Centring = "half-pixel",
) -> Bool[Tensor, "map row column"]:
    """Mark the pixels that `pixels_above` finds."""
    hits = pixels_above(maps, thresholds, shape, centring)
    masks = torch.zeros(len(maps), shape[0] * shape[1], dtype=torch.bool, device=maps.device)
    owners = torch.arange(len(maps), device=maps.device).repeat_interleave(hits.counts)
    masks[owners, hits.pixels] = True
    return masks.view(-1, *shape)


def _quads_above(above: Bool[Tensor, "map height width"]) -> tuple[Tensor, Tensor, Tensor]:
    """Return map, row gap and column gap of every quad with a cell above, map by map."""
    padded = functional.pad(above, (1, 1, 1, 1))
    tall = padded[:, :-1] | padded[:, 1:]
    owners, down, across = (tall[:, :, :-1] | tall[:, :, 1:]).nonzero(as_tuple=True)
    return owners, down, across


def _runs_above(
    maps: Tensor,
    thresholds: Tensor,
    quads: tuple[Tensor, Tensor, Tensor],
    rows: Axis,
    columns: Axis,
    width: int,
) -> tuple[Int64[Tensor, " run"], Int64[Tensor, " run"], Int64[Tensor, " run"]]:
    """Return the place, the length and the quad of every run of pixels above.

    Along a row of a quad the excess runs linearly from one side to the other, and so, without
    ever turning, does its rounded value: what is above is one run from the higher side on.
    """
    _, y, x = quads
    left, right = _at_sides(maps, thresholds, quads, rows)
    within = torch.arange(left.shape[1], device=maps.device)
    inside = within < rows.pixels[y][:, None]
    quad, row = ((torch.maximum(left, right) > 0) & inside).nonzero(as_tuple=True)
    left, right, x = left[quad, row], right[quad, row], x[quad]
    pixels, share = columns.pixels[x], columns.share[x]
    mirrored = right > left
    last = share + (pixels - 1) * columns.step
    lengths = _run_length(
        torch.maximum(left, right),
        torch.minimum(left, right),
        torch.where(mirrored, columns.whole - last, share),
        pixels,
        columns,
    )
    starts = columns.first[x] + torch.where(mirrored, pixels - lengths, 0)
    return starts + (rows.first[y[quad]] + row) * width, lengths, quad


def _at_sides(
    maps: Tensor, thresholds: Tensor, quads: tuple[Tensor, Tensor, Tensor], rows: Axis
) -> tuple[Float64[Tensor, "quad row"], Float64[Tensor, "quad row"]]:
    """Return the excess at the left and at the right side of quads, row by row, times `whole`."""
    owner, y, x = quads
    height, width = maps.shape[1:]
    top = (owner * height + (y - 1).clamp(min=0)) * width
    bottom = (owner * height + y.clamp(max=height - 1)) * width
    flat, cut = maps.reshape(-1), thresholds[owner]
    within = torch.arange(int(rows.pixels.max()), device=maps.device)
    upper = (rows.share[y][:, None] + within * rows.step).double()
    lower = rows.whole - upper
    left, right = (
        lower * (flat[top + side].double() - cut)[:, None]
        + upper * (flat[bottom + side].double() - cut)[:, None]
        for side in ((x - 1).clamp(min=0), x.clamp(max=width - 1))
    )
    return left, right


def _run_length(
    high: Float64[Tensor, " run"],
    low: Float64[Tensor, " run"],
    share: Int64[Tensor, " run"],
    pixels: Int64[Tensor, " run"],
    axis: Axis,
) -> Int64[Tensor, " run"]:
    """Return how many pixels of a row of a quad are above 0, counted from its higher side.

    high: the excess at that side, above 0; low: at the other. share: of the other side at the
    first pixel. Where the line crosses 0 is estimated, to far less than a pixel; the sign of the
    two pixels beside it is computed.
    """
    crossing = (axis.whole * (high / (high - low)) - share) / axis.step
    beside = torch.minimum(crossing.clamp(min=0).ceil(), pixels.double()).long()

    def is_above(pixel: Tensor) -> Tensor:
        other = share + pixel * axis.step
        value = high * (axis.whole - other).double() + low * other.double()
        return (value > 0) & (pixel >= 0) & (pixel < pixels)

    before = (beside - 1).clamp(min=0)
    return before + is_above(before).long() + (is_above(beside) & (beside > 0)).long()


def _expand(starts: Int64[Tensor, " run"], lengths: Int64[Tensor, " run"]) -> Tensor:
    """Return start, start + 1, ... of every run, `length` of them, one run after the other."""
    ends = lengths.cumsum(0)
    places = (starts - (ends - lengths)).repeat_interleave(lengths)
    return places.add_(torch.arange(len(places), device=places.device))
