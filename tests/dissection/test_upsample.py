"""Are masks those of half-pixel, clamped bilinear interpolation, without rounding at the cut?"""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from prunescope.dissection.upsample import masks_above, pixels_above, read_axis


@pytest.mark.parametrize("source", [0, 1])
@pytest.mark.parametrize(
    ("cells", "pixels"),
    [((1, 1), (1, 1)), ((1, 3), (5, 7)), ((7, 7), (112, 112)), ((7, 5), (113, 61)),
     ((28, 14), (9, 14)), ((56, 56), (13, 112)), ((3, 2), (1, 1))],
)  # fmt: skip
def test_masks_equal_those_of_torch_bilinear_interpolation(cells, pixels, source):
    maps = torch.randn(40, *cells, generator=torch.Generator().manual_seed(source))
    thresholds = maps.flatten(1).quantile(torch.tensor(0.8), dim=1).double() + 1e-3
    upsampled = functional.interpolate(
        maps[:, None].double(), pixels, mode="bilinear", align_corners=False
    )[:, 0]
    assert torch.equal(masks_above(maps, thresholds, pixels), upsampled > thresholds[:, None, None])


@given(cells=st.integers(1, 40), pixels=st.integers(1, 120))
def test_every_pixel_lies_in_one_gap_and_reads_no_more_than_two_whole_cells(cells, pixels):
    axis = read_axis(cells, pixels)
    assert axis.pixels.sum() == pixels
    assert torch.equal(axis.first, axis.pixels.cumsum(0) - axis.pixels)
    used = axis.pixels > 0
    last = axis.share + (axis.pixels - 1) * axis.step
    assert bool((axis.share[used] >= 0).all())
    assert bool((last[used] <= axis.whole).all())


def test_nominal_centres_lie_half_a_pixel_further_on():
    # Two cells on eight pixels: centres at 1.5 and 5.5, or nominally at 2 and 6.
    maps, half = torch.tensor([[[0.0, 8.0]]]), torch.tensor([4.0]).double()
    assert masks_above(maps, half, (1, 8))[0, 0].tolist() == [False] * 4 + [True] * 4
    nominal = masks_above(maps, half, (1, 8), "nominal")[0, 0]
    assert nominal.tolist() == [False] * 5 + [True] * 3


def test_hits_are_counted_map_by_map_as_the_masks_are():
    maps = torch.randn(9, 4, 5, generator=torch.Generator().manual_seed(0))
    thresholds = torch.linspace(-2, 3, 9).double()
    hits, masks = (found(maps, thresholds, (11, 6)) for found in (pixels_above, masks_above))
    assert torch.equal(hits.counts, masks.sum(dim=(1, 2)))
    assert hits.counts[0] > 0
    assert hits.counts[-1] == 0
    owners, pixels = masks.flatten(1).nonzero(as_tuple=True)
    assert torch.equal(hits.pixels.sort().values, pixels.sort().values)
    assert torch.equal(torch.arange(9).repeat_interleave(hits.counts), owners)


def test_a_pixel_exactly_at_the_threshold_is_outside_the_mask():
    masks = masks_above(torch.tensor([[[0.0, 2.0]]]), torch.ones(1).double(), (1, 3))
    assert masks.tolist() == [[[False, False, True]]]


def test_a_single_cell_fills_the_label_map():
    masks = masks_above(torch.tensor([[[2.0]], [[1.0]]]), torch.ones(2).double(), (3, 5))
    assert masks[0].all()
    assert not masks[1].any()


@given(threshold=st.floats(-1e6, 1e6, width=32), cells=st.integers(1, 9), pixels=st.integers(1, 60))
def test_cells_equal_to_the_threshold_never_exceed_it(threshold, cells, pixels):
    maps = torch.full((1, cells, cells), threshold)
    assert not masks_above(maps, maps[:, 0, 0].double(), (pixels, pixels + 1)).any()


@given(
    line=st.lists(st.integers(-2, 2), min_size=1, max_size=6),
    pixels=st.integers(1, 20),
    threshold=st.integers(-2, 2),
)
def test_masks_of_whole_numbers_equal_those_of_exact_fractions(line, pixels, threshold):
    expected = []
    for pixel in range(pixels):
        centre = (pixel + Fraction(1, 2)) * len(line) / pixels - Fraction(1, 2)
        centre = min(max(centre, Fraction(0)), Fraction(len(line) - 1))
        lower = int(centre)
        upper = min(lower + 1, len(line) - 1)
        value = line[lower] + (centre - lower) * (line[upper] - line[lower])
        expected.append(value > threshold)
    maps = torch.tensor([[line]]).float()
    masks = masks_above(maps, torch.tensor([threshold]).double(), (1, pixels))
    assert masks[0, 0].tolist() == expected
