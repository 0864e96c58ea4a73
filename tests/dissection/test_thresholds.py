"""Is a threshold the exact (K + 1)-th largest value, however the values come?"""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.base.errors import ConfigError
from prunescope.dissection.quantile import Cut, cells_above
from prunescope.dissection.thresholds import ThresholdCollector
from ranks import exchange


def collect(parts: list[torch.Tensor], above: int) -> ThresholdCollector:
    collector = ThresholdCollector(len(parts[0]), Cut(cells=1_000_000, above=above))
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
def test_every_shard_has_the_one_threshold_once_they_have_exchanged_values(
    values, shards, above, seed
):
    above = min(above, len(values) - 1)
    parts = [torch.tensor([values[start::shards]]).float() for start in range(shards)]
    collectors = [collect([part], above) for part in parts]
    random.Random(seed).shuffle(collectors)
    exchange(collectors)
    expected = sorted(values, reverse=True)[above]
    assert all(collector.thresholds().item() == expected for collector in collectors)


@pytest.mark.long
@given(
    seed=st.integers(0, 2**32 - 1),
    above=st.integers(0, 199),
    size=st.integers(1, 50),
    looks=st.lists(st.integers(0, 199), max_size=6),
)
def test_looking_before_enough_has_come_changes_no_threshold(seed, above, size, looks):
    values = torch.randn(2, 200, generator=torch.Generator().manual_seed(seed))
    collector = ThresholdCollector(2, Cut(cells=200, above=above))
    for number, part in enumerate(values.split(size, dim=1)):
        collector.add(part)
        if number in looks:
            collector.estimates(min(1.0, (number + 1) * size / 200))
    expected = values.double().sort(dim=1, descending=True).values[:, above]
    assert torch.equal(collector.thresholds(), expected)


def test_cells_of_single_maps_go_to_the_units_they_are_of():
    collector = ThresholdCollector(3, Cut(cells=6, above=1))
    collector.add(torch.tensor([[5.0, 1], [2, 3], [9, 8]]), torch.tensor([0, 0, 2]))
    collector.add(torch.tensor([[4.0, 7], [6, 1]]), torch.tensor([1, 2]))
    assert collector.thresholds().tolist() == [3, 4, 8]


def test_no_map_that_stays_below_its_bound_can_change_a_threshold():
    maps = torch.randn(50, 4, 6, generator=torch.Generator().manual_seed(0))
    every, active = (ThresholdCollector(4, Cut(cells=300, above=20)) for _ in range(2))
    for image in maps:
        every.add(image)
        units = (image.amax(dim=1) > active.bounds).nonzero()[:, 0]
        active.add(image[units], units)
    assert torch.equal(active.thresholds(), every.thresholds())
    assert torch.equal(every.thresholds(), maps.transpose(0, 1).flatten(1).sort(
        dim=1, descending=True
    ).values[:, 20].double())  # fmt: skip


def test_a_threshold_may_lie_between_two_values():
    collector = ThresholdCollector(1, Cut(cells=5, above=2, toward_next=0.25))
    collector.add(torch.tensor([[5.0, 1, 4, 2, 3]]))
    assert collector.thresholds().tolist() == [3.25]


def test_an_estimate_after_a_part_of_the_cells_is_their_own_quantile():
    collector = ThresholdCollector(1, Cut(cells=100, above=19))
    collector.add(torch.arange(50.0)[None])
    assert collector.estimates(0.5).tolist() == [40]  # the tenth largest
