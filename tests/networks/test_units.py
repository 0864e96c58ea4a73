"""Are the units that are left written and read back as they are?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.networks.units import units_as_value, units_of_value

numbers = st.sets(st.integers(0, 300), min_size=1).map(lambda s: tuple(sorted(s)))


@given(st.dictionaries(st.text(max_size=8), numbers, max_size=5))
def test_units_are_read_back_as_they_were(units: dict[str, tuple[int, ...]]) -> None:
    assert units_of_value(json.loads(json.dumps(units_as_value(units)))) == units


def test_equal_lists_are_written_once_and_runs_are_short() -> None:
    left = (0, 1, 2, 3, 5, 9, 10)
    assert units_as_value({"conv": left, "norm": left, "other": (4,)}) == {
        "kept": ["0-3,5,9-10", "4"],
        "layers": {"conv": 0, "norm": 0, "other": 1},
    }


@pytest.mark.parametrize(
    "value",
    [
        {"kept": ["0-99999999"], "layers": {}},
        {"kept": ["3,2"], "layers": {}},
        {"kept": ["5-4"], "layers": {}},
        {"kept": ["1,1"], "layers": {}},
        {"kept": ["a"], "layers": {}},
        {"kept": [""], "layers": {}},
        {"kept": [3], "layers": {}},
        {"kept": "0", "layers": {}},
        {"kept": ["0"], "layers": {"conv": 1}},
        {"kept": ["0"], "layers": {"conv": True}},
        {"kept": ["0"], "layers": ["conv"]},
        {"kept": ["0"]},
        [],
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        units_of_value(value)
