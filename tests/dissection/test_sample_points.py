"""Do the points of an image stand for all its pixels, label by label?"""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.cells import cell_reader, labels_on_cells
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.sample_points import PARTS, sample_points

LABELS = tuple(Label(number=number, name=str(number), category="color") for number in (2, 3, 5, 8))
CPU = torch.device("cpu")


def regions_of(planes, whole=(), **options):
    annotation = Annotation(planes=np.array(planes, np.int32), whole=whole)
    return RegionReader(LABELS, **options).read(annotation, "an image")


@pytest.fixture
def regions():
    source = np.random.default_rng(0)
    planes = source.choice([0, 0, 2, 3], (1, 40, 30)).repeat(2, axis=0)
    planes[1] = np.where(np.arange(40)[:, None] > 25, 5, 0)
    return regions_of(planes, whole=(8,))


def test_the_points_of_a_label_stand_for_its_pixels_exactly(regions):
    points = sample_points(regions)
    assert points.counts.sum() == regions.pixels
    counts = np.bincount(points.label_indices, points.counts[points.points], minlength=4)
    assert counts[regions.label_indices].tolist() == regions.truth.tolist()
    assert len(points.pixels) < regions.pixels / 2


def test_every_point_carries_the_labels_it_stands_for(regions):
    points = sample_points(regions)
    for point, label in zip(points.points, points.label_indices, strict=True):
        code = regions.label_indices.tolist().index(label) + 1
        pixel = points.pixels[point]
        assert code in regions.codes[:, pixel] or code in regions.whole


def test_a_small_map_is_represented_by_all_of_its_pixels():
    points = sample_points(regions_of([[[2, 0, 3], [2, 2, 0]]]))
    assert sorted(points.pixels.tolist()) == list(range(6))
    assert points.counts.tolist() == [1] * 6
    assert sorted(points.label_indices.tolist()) == [0, 0, 0, 1]


def test_no_point_stands_for_more_than_its_part():
    points = sample_points(regions_of(np.full((1, 64, 64), 2)))
    assert len(points.pixels) == pytest.approx(PARTS, abs=12)
    assert points.counts.max() <= -(-64 * 64 // PARTS)


def test_a_pixel_with_a_label_in_two_planes_has_it_once():
    points = sample_points(regions_of([[[2, 3]], [[2, 0]]], once=False))
    assert points.label_indices.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cells", "shape"), [((3, 5), (12, 16)), ((7, 7), (5, 9)), ((1, 1), (4, 4))]
)
def test_a_pixel_reads_its_cells_as_interpolation_does(cells, shape):
    maps = torch.randn(1, 1, *cells, generator=torch.Generator().manual_seed(0))
    upsampled = interpolate(maps, shape, mode="bilinear", align_corners=False).flatten()
    index, weights = cell_reader(cells, shape, "half-pixel", CPU).at(
        torch.arange(shape[0] * shape[1])
    )
    read = (maps.flatten()[index] * weights).sum(dim=1)
    assert torch.allclose(read, upsampled, atol=1e-5)


def test_labels_on_cells_weigh_a_map_as_its_upsampled_pixels_do(regions):
    maps = torch.randn(1, 1, 6, 4, generator=torch.Generator().manual_seed(1))
    upsampled = interpolate(maps, (40, 30), mode="bilinear", align_corners=False).flatten()
    reader = cell_reader((6, 4), (40, 30), "half-pixel", CPU)
    sums = (labels_on_cells([regions], reader)[0].T @ maps.flatten()).tolist()
    carried = [(regions.codes == code + 1).any(axis=0) for code in range(3)]
    expected = [float(upsampled[torch.from_numpy(mask)].sum()) for mask in carried]
    whole = float(upsampled.sum())
    assert sums[:3] == pytest.approx(expected, abs=1e-3)
    assert [sums[3], sums[-1]] == pytest.approx([whole, whole], abs=1e-3)


@pytest.mark.parametrize("cells", [(6, 4), (20, 18)])
def test_squares_are_those_of_the_upsampled_map(cells):
    maps = torch.randn(2, 3, *cells, generator=torch.Generator().manual_seed(2))
    upsampled = interpolate(maps, (40, 30), mode="bilinear", align_corners=False)
    reader = cell_reader(cells, (40, 30), "half-pixel", CPU)
    squares = reader.squares(maps.flatten(2).transpose(1, 2).contiguous())
    assert torch.allclose(squares, upsampled.square().sum(dim=(2, 3)), rtol=1e-4)
