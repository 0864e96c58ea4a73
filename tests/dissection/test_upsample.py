"""Are masks those of half-pixel, clamped bilinear interpolation, without rounding at the cut?"""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from prunescope.dissection.upsample import interpolation, masks_above


@pytest.mark.parametrize(
    ("cells", "pixels"),
    [((1, 1), (1, 1)), ((1, 3), (5, 7)), ((7, 7), (112, 112)), ((7, 5), (113, 61)),
     ((28, 14), (9, 14)), ((56, 56), (13, 112)), ((3, 2), (1, 1))],
)  # fmt: skip
def test_weights_equal_torch_bilinear_interpolation(cells, pixels):
    maps = torch.randn(2, *cells, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows, columns = (
        interpolation(cell, pixel) / (2 * pixel) for cell, pixel in zip(cells, pixels, strict=True)
    )
    expected = functional.interpolate(maps[None], pixels, mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(rows @ maps @ columns.T, expected, rtol=1e-12, atol=1e-12)


@given(cells=st.integers(1, 40), pixels=st.integers(1, 120))
def test_weights_are_whole_numbers_that_sum_to_twice_the_pixels(cells, pixels):
    weights = interpolation(cells, pixels)
    assert torch.equal(weights, weights.round())
    assert bool((weights >= 0).all())
    assert torch.equal(weights.sum(dim=1), torch.full((pixels,), 2.0 * pixels).double())


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
