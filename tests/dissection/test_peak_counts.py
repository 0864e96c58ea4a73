"""Are peaks counted exactly, in bins that follow from the largest alone?"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.dissection.peak_counts import PeakCounter
from ranks import exchange

PEAKS = st.lists(
    st.one_of(
        st.floats(-limit, limit, width=32, allow_subnormal=False) for limit in (2.0, 2.0**100)
    ),
    min_size=2,
    max_size=12,
)


def counted(peaks: list[float]) -> dict[int, int]:
    """Return how many peaks lie in each bin, by docs/formats.md."""
    width = width_for(peaks)
    bins = [math.floor(peak / width) for peak in peaks]
    return {each: bins.count(each) for each in bins}


def width_for(peaks: list[float]) -> float:
    largest = max(abs(peak) for peak in peaks)
    exponent = math.floor(math.log2(largest)) + 1 if largest else -60
    while 2.0**exponent <= largest:
        exponent += 1
    while 2.0 ** (exponent - 1) > largest:
        exponent -= 1
    return 2.0 ** (max(exponent, -60) - 6)


def result_of(counter: PeakCounter) -> tuple[float, dict[int, int]]:
    found = counter.result()
    row = found.counts[0].tolist()
    return float(found.widths[0]), {at - 64: count for at, count in enumerate(row) if count}


def add(counter: PeakCounter, peaks: list[float]) -> None:
    if peaks:
        counter.add(torch.tensor(peaks, dtype=torch.float32)[:, None])


def test_a_larger_peak_joins_pairs_of_bins():
    counter = PeakCounter(1)
    add(counter, [0.0, 0.5, 0.51, 0.99, -0.25])
    assert result_of(counter) == (1 / 64, {0: 1, 32: 2, 63: 1, -16: 1})
    add(counter, [1.0])
    assert result_of(counter) == (1 / 32, {0: 1, 16: 2, 31: 1, -8: 1, 32: 1})


def test_each_unit_has_bins_of_its_own():
    counter = PeakCounter(2)
    counter.add(torch.tensor([[3.0, 300.0], [1.0, 0.0]]))
    found = counter.result()
    assert found.widths.tolist() == [1 / 16, 8]
    assert found.counts.nonzero().tolist() == [[0, 80], [0, 112], [1, 64], [1, 101]]


@pytest.mark.long
@given(peaks=PEAKS, data=st.data())
def test_counts_do_not_depend_on_the_order_or_the_number_of_shards(peaks, data):
    cut = data.draw(st.integers(1, len(peaks) - 1))
    early, late = PeakCounter(1), PeakCounter(1)
    add(early, peaks[:cut])
    for peak in reversed(peaks[cut:]):
        add(late, [peak])
    exchange([early, late])
    for shard in (early, late):
        assert result_of(shard) == (width_for(peaks), counted(peaks))
