"""Is a threshold the exact (K + 1)-th largest value, however the values come?"""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.base.errors import ConfigError
from prunescope.dissection.thresholds import ExampleCollector, ThresholdCollector, cells_above


def collect(parts: list[torch.Tensor], above: int) -> ThresholdCollector:
    collector = ThresholdCollector(len(parts[0]), above)
    for part in parts:
        collector.add(part)
    return collector


@pytest.mark.parametrize(
    ("quantile", "cells", "above"),
    [(0.005, 98_000, 490), (0.005, 200, 1), (0.005, 399, 1), (0.29, 100, 29), (1e-3, 63_000, 63)],
)
def test_cells_above_are_counted_on_the_written_decimal(quantile, cells, above):
    assert cells_above(quantile, cells, "cells") == above


def test_too_few_cells_for_the_quantile_are_refused_with_the_least_number():
    with pytest.raises(ConfigError, match=r"4 images x 7 x 7 are 196 cells.* at least 200"):
        cells_above(0.005, 196, "4 images x 7 x 7")


def test_threshold_is_the_value_that_exactly_k_cells_exceed():
    values = torch.tensor([[5.0, 1, 4, 2, 3], [0, 0, 0, 0, 7]])
    assert collect([values], above=2).thresholds().tolist() == [3, 0]


def test_equal_values_around_the_cut_leave_fewer_than_k_above():
    values = torch.tensor([[2.0, 2, 2, 2, 9]])
    threshold = collect([values], above=3).thresholds()
    assert threshold.tolist() == [2]
    assert int((values > threshold[:, None]).sum()) == 1


@pytest.mark.parametrize("order", ["mixed", "rising", "falling"])
def test_thresholds_of_a_long_stream_equal_those_of_a_full_sort(order):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 40_000, generator=generator)
    values[1] = values[1].mul(4).round()
    values[2] = values[2].relu()
    if order != "mixed":
        values = values.sort(dim=1, descending=order == "falling").values
    above = 6_000
    expected = values.double().sort(dim=1, descending=True).values[:, above]
    collector = collect(list(values.split(1_700, dim=1)), above)
    assert torch.equal(collector.thresholds(), expected)


@given(
    values=st.lists(st.integers(-3, 3), min_size=1, max_size=60),
    shards=st.integers(1, 5),
    above=st.integers(0, 59),
    seed=st.integers(0, 100),
)
def test_shards_merged_in_any_order_give_one_threshold(values, shards, above, seed):
    above = min(above, len(values) - 1)
    parts = [torch.tensor([values[start::shards]]).float() for start in range(shards)]
    collectors = [collect([part], above) for part in parts]
    random.Random(seed).shuffle(collectors)
    first, *others = collectors
    for other in others:
        first.merge(other)
    assert first.thresholds().item() == sorted(values, reverse=True)[above]


def test_examples_rank_by_peak_and_equal_peaks_by_the_lower_image():
    collector = ExampleCollector(2, 3)
    collector.add(torch.tensor([[1.0, 0], [5, 0]]), first=0)
    collector.add(torch.tensor([[5.0, 0], [3, 0], [9, 1]]), first=2)
    assert collector.images.tolist() == [[4, 1, 2], [4, 0, 1]]
    assert collector.peaks.tolist() == [[9, 5, 5], [1, 0, 0]]


def test_fewer_images_than_examples_are_all_kept():
    collector = ExampleCollector(1, 16)
    collector.add(torch.tensor([[1.0], [2.0]]), first=0)
    assert collector.images.tolist() == [[1, 0]]


@given(peaks=st.lists(st.integers(0, 3), min_size=2, max_size=12), data=st.data())
def test_examples_of_shards_merged_in_any_order_are_those_of_all_images(peaks, data):
    cut = data.draw(st.integers(1, len(peaks) - 1))
    column = torch.tensor(peaks).float()[:, None]
    whole, early, late = (ExampleCollector(1, 4) for _ in range(3))
    whole.add(column, first=0)
    early.add(column[:cut], first=0)
    late.add(column[cut:], first=cut)
    late.merge(early)
    assert torch.equal(late.images, whole.images)
    assert torch.equal(late.peaks, whole.peaks)
