"""Is the error barrier between two networks what the written method says?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import scopes as oracle
from prunescope.experiment.instability import POINTS, on_the_line
from prunescope.results.instability import error_barrier

values = st.floats(-3, 3, allow_subnormal=False)


def bumpy(weights: list[float]) -> float:
    """Return an error in points that rises and falls between any two weights."""
    return 50 + 50 * float(
        np.sin(sum(weight * (index + 1) for index, weight in enumerate(weights)))
    )


@settings(max_examples=40)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=4))
def test_the_barrier_is_the_largest_rise_above_the_mean_of_the_ends(pairs):
    a, b = ([pair[end] for pair in pairs] for end in (0, 1))
    first, second = ({"w": torch.tensor(end, dtype=torch.float64)} for end in (a, b))
    errors = [
        bumpy(on_the_line(first, second, share)["w"].tolist()) / 100
        for share in np.linspace(0, 1, POINTS)
    ]
    expected = oracle.instability(a, b, bumpy)
    assert error_barrier(np.array(errors)) == pytest.approx(expected, abs=1e-9)


def test_a_rise_to_thirty_points_between_ends_of_ten_and_thirty_is_a_barrier_of_ten():
    errors = np.full(POINTS, 0.1)
    errors[-1], errors[7] = 0.3, 0.3
    assert error_barrier(errors) == pytest.approx(10)
