"""Is the nearest valid name found, and does each error say whose turn it is?"""

import pytest

from prunescope.base.errors import (
    ConfigError,
    DataError,
    InputError,
    RunBusyError,
    StoreError,
    TrainingDiverged,
    nearest,
)


@pytest.mark.parametrize(
    ("name", "options", "hint"),
    [
        ("fration", ["levels", "fraction"], ' (did you mean "fraction"?)'),
        ("LAYER4", ["layer3", "layer4"], ' (did you mean "layer4"?)'),
        ("banana", ["levels", "fraction"], ""),
        ("anything", [], ""),
    ],
)
def test_the_closest_name_is_offered_and_none_where_none_is_close(name, options, hint):
    assert nearest(name, options) == hint


def test_what_the_user_gave_is_an_input_error_and_a_damaged_store_is_not():
    assert all(issubclass(kind, InputError) for kind in (ConfigError, DataError, TrainingDiverged))
    assert not issubclass(StoreError, InputError)
    assert issubclass(RunBusyError, StoreError)
