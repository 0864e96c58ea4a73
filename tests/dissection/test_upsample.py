"""Are masks those of half-pixel, clamped bilinear interpolation, without rounding at the cut?"""

from fractions import Fraction

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from prunescope.dissection import upsample
from prunescope.dissection.upsample import masks_above, read_axis, runs_above


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


@pytest.mark.long
@given(cells=st.integers(1, 40), pixels=st.integers(1, 120))
def test_every_pixel_lies_in_one_gap_and_reads_no_more_than_two_whole_cells(cells, pixels):
    axis = read_axis(cells, pixels)
    assert axis.pixels.sum() == pixels
    assert torch.equal(axis.first, axis.pixels.cumsum(0) - axis.pixels)
    used = axis.pixels > 0
    last = axis.share + (axis.pixels - 1) * axis.step
    assert bool((axis.share[used] >= 0).all())
    assert bool((last[used] <= axis.whole).all())


def line_above(line, threshold, pixels, *, down, centring="half-pixel"):
    """Return which pixels of a map of one row, or of one column, are above."""
    map_ = torch.tensor(line).float().view((-1, 1) if down else (1, -1))
    shape = (pixels, 1) if down else (1, pixels)
    cut = torch.tensor([threshold]).double()
    return masks_above(map_[None], cut, shape, centring).flatten().tolist()


@pytest.mark.parametrize("down", [False, True])
def test_nominal_centres_lie_half_a_pixel_further_on(down):
    # Two cells on eight pixels: centres at 1.5 and 5.5, or nominally at 2 and 6.
    assert line_above([0, 8], 4, 8, down=down) == [False] * 4 + [True] * 4
    nominal = line_above([0, 8], 4, 8, down=down, centring="nominal")
    assert nominal == [False] * 5 + [True] * 3


@pytest.mark.parametrize("room", [1, 70, 1 << 17])
def test_runs_hold_the_pixels_of_every_map_once_however_many_quads_fit(monkeypatch, room):
    monkeypatch.setattr(upsample, "_QUAD_COLUMNS_IN_A_CACHE", room)
    maps = torch.randn(9, 4, 5, generator=torch.Generator().manual_seed(0))
    thresholds = torch.linspace(-2, 3, 9).double()
    runs = runs_above(maps, thresholds, (11, 6))
    masks = functional.interpolate(maps[:, None].double(), (11, 6), mode="bilinear")[:, 0]
    masks = masks > thresholds[:, None, None]
    assert torch.equal(runs.areas, masks.sum(dim=(1, 2)))
    assert runs.areas[0] > 0
    assert runs.areas[-1] == 0
    for part, mask in zip(runs.parts(range(10)), masks, strict=True):
        assert torch.equal(part.pixels().sort().values, mask.flatten().nonzero()[:, 0])
    [some] = runs.parts((2, 5))
    assert torch.equal(some.areas, runs.areas[2:5])
    assert torch.equal(some.pixels(), runs.pixels()[runs.areas[:2].sum() :][: some.areas.sum()])


@pytest.mark.parametrize("down", [False, True])
def test_a_pixel_exactly_at_the_threshold_is_outside_the_mask(down):
    assert line_above([0, 2], 1, 3, down=down) == [False, False, True]
    assert line_above([2, 0], 1, 3, down=down) == [True, False, False]


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
    down=st.booleans(),
)
@example(line=[11, -9], pixels=100, threshold=0, down=True)  # where a quotient is rounded up
@example(line=[7, -5], pixels=108, threshold=0, down=True)
def test_masks_of_whole_numbers_equal_those_of_exact_fractions(line, pixels, threshold, down):
    expected = []
    for pixel in range(pixels):
        centre = (pixel + Fraction(1, 2)) * len(line) / pixels - Fraction(1, 2)
        centre = min(max(centre, Fraction(0)), Fraction(len(line) - 1))
        lower = int(centre)
        upper = min(lower + 1, len(line) - 1)
        value = line[lower] + (centre - lower) * (line[upper] - line[lower])
        expected.append(value > threshold)
    assert line_above(line, threshold, pixels, down=down) == expected
