"""Are the largest values found to the last tie, whatever their type?"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.pruning.ranking import keep_largest

ONE = 1.0
CLOSE = [ONE, math.nextafter(ONE, 2), math.nextafter(ONE, 0), 1 + 2**-21, -ONE, -(1 + 2**-52)]
TINY = [0.0, -0.0, 5e-324, -5e-324, 1e-310, -1e-310]
HUGE = [1e300, -1e300, math.inf, -math.inf]
values_of_any_kind = st.sampled_from(CLOSE + TINY + HUGE) | st.floats(allow_nan=False)
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@given(st.lists(values_of_any_kind, max_size=30), st.data())
def test_the_largest_are_marked_and_as_many_as_asked(dtype, values, data):
    tensor = torch.tensor(values, dtype=torch.float64).to(dtype)
    count = data.draw(st.integers(0, len(values)))
    kept = keep_largest(tensor, count).tolist()
    rounded = tensor.tolist()
    ranked = sorted(range(len(values)), key=lambda index: (-rounded[index], index))
    assert kept == [index in ranked[:count] for index in range(len(values))]


@given(st.lists(st.tuples(values_of_any_kind, st.booleans()), max_size=30), st.data())
def test_what_does_not_compete_is_never_marked(pairs, data):
    values, among = [value for value, _ in pairs], [competes for _, competes in pairs]
    count = data.draw(st.integers(0, sum(among)))
    kept = keep_largest(
        torch.tensor(values, dtype=torch.float64), count, torch.tensor(among, dtype=torch.bool)
    )
    competing = [index for index, competes in enumerate(among) if competes]
    ranked = sorted(competing, key=lambda index: (-values[index], index))
    assert kept.nonzero().flatten().tolist() == sorted(ranked[:count])


@given(st.lists(st.sampled_from(CLOSE + TINY), max_size=40), st.data())
def test_values_that_share_their_upper_bits_are_told_apart(values, data):
    count = data.draw(st.integers(0, len(values)))
    kept = keep_largest(torch.tensor(values, dtype=torch.float64), count).tolist()
    ranked = sorted(range(len(values)), key=lambda index: (-values[index], index))
    assert kept == [index in ranked[:count] for index in range(len(values))]
