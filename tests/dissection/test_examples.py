"""Are a unit's examples the images of its highest peaks, with its maps there?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.dissection.examples import BorderlineCollector, ExampleCollector
from ranks import exchange


def maps_of(peaks: list[list[float]]) -> torch.Tensor:
    """Return maps of one row of two cells, the peak and less, of images and their units."""
    values = torch.tensor(peaks).float()
    return torch.stack([values, values - 1], dim=2)[:, :, None]


def add(collector: ExampleCollector, peaks: list[list[float]], images: list[int]) -> None:
    maps = maps_of(peaks)
    collector.add(maps, maps.amax(dim=(2, 3)), torch.tensor(images))


def test_examples_rank_by_peak_and_equal_peaks_by_the_lower_image():
    collector = ExampleCollector(3, maps_of([[0, 0]]))
    add(collector, [[5, 0], [3, 0], [9, 1]], [2, 3, 4])
    add(collector, [[1, 0], [5, 0]], [0, 1])
    assert collector.indices.tolist() == [[4, 1, 2], [4, 0, 1]]
    assert collector.peaks.tolist() == [[9, 5, 5], [1, 0, 0]]
    assert collector.maps[0].flatten(1).tolist() == [[9, 8], [5, 4], [5, 4]]


def test_negative_peaks_and_both_zeros_rank_as_numbers_do():
    collector = ExampleCollector(5, maps_of([[0]]))
    add(collector, [[-2.5], [0.0], [-1e-30], [-0.0], [-1e30]], [4, 3, 2, 1, 0])
    assert collector.indices.tolist() == [[1, 3, 2, 4, 0]]
    assert collector.peaks[0].tolist() == torch.tensor([0, 0, -1e-30, -2.5, -1e30]).tolist()


def test_fewer_images_than_examples_are_all_kept():
    collector = ExampleCollector(16, maps_of([[0]]))
    add(collector, [[1], [2]], [0, 1])
    assert collector.indices.tolist() == [[1, 0]]
    assert collector.maps.shape == (1, 2, 1, 2)


def add_masks(collector: BorderlineCollector, masks: list[tuple[int, int, int]]) -> None:
    """Add masks: the unit, the image and the pixels of each; the map tells the pixels."""
    units, images, pixels = (torch.tensor(column) for column in zip(*masks, strict=True))
    collector.add(units, images, pixels, pixels.float()[:, None, None])


def test_borderline_images_have_the_smallest_masks_but_none_that_is_empty():
    collector = BorderlineCollector(3, torch.zeros(0, 3, 1, 1))
    add_masks(collector, [(0, 7, 5), (1, 7, 2), (0, 4, 3), (0, 5, 0)])
    add_masks(collector, [(0, 2, 3), (0, 1, 9), (0, 0, 4)])
    found = collector.images()
    assert found.units.tolist() == [0, 0, 0, 1]
    assert found.ranks.tolist() == [0, 1, 2, 0]
    assert found.indices.tolist() == [2, 4, 0, 7]
    assert found.pixels.tolist() == found.maps.flatten().tolist() == [3, 3, 4, 2]


@pytest.mark.long
@given(peaks=st.lists(st.integers(-3, 3), min_size=2, max_size=12), data=st.data())
def test_every_shard_has_the_examples_of_all_images_once_they_have_exchanged(peaks, data):
    cut = data.draw(st.integers(1, len(peaks) - 1))
    column = [[peak] for peak in peaks]
    whole, early, late = (ExampleCollector(4, maps_of([[0]])) for _ in range(3))
    add(whole, column, list(range(len(peaks))))
    add(early, column[:cut], list(range(cut)))
    add(late, column[cut:], list(range(cut, len(peaks))))
    exchange([late, early])
    for shard in (late, early):
        assert torch.equal(shard.indices, whole.indices)
        assert torch.equal(shard.peaks, whole.peaks)
        assert torch.equal(shard.maps, whole.maps)
    expected = sorted(range(len(peaks)), key=lambda image: (-peaks[image], image))[:4]
    assert whole.indices[0].tolist() == expected
