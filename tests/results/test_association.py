"""Are the measures of a layer's best labels kept, and found again by the number of the label?"""

import numpy as np
import pandas as pd
import pytest

from prunescope.base.arrays import save_arrays
from prunescope.base.errors import DataError
from prunescope.results.association import Association


@pytest.fixture
def association():
    return Association(
        labels=np.array([[3, 8], [8, 0]]),
        pearson=np.array([[0.5, -0.25], [np.nan, np.nan]]),
        auprc=np.array([[0.75, 0.125], [0.5, np.nan]]),
    )


def test_a_unit_has_the_measures_of_the_label_asked_for(association):
    first = association.of(pd.Series([8, 8], dtype="Int64"))
    assert first["auprc"].tolist() == [0.125, 0.5]
    assert first["pearson"][0] == -0.25
    assert np.isnan(first["pearson"][1])


def test_a_unit_without_a_label_has_no_measures(association):
    measures = association.of(pd.Series([pd.NA, 3], dtype="Int64"))
    assert np.isnan([*measures["pearson"], *measures["auprc"]]).all()


def test_what_is_saved_is_read_again(association, tmp_path):
    association.save(tmp_path)
    read = Association.load(tmp_path)
    for name, array in vars(association).items():
        assert np.array_equal(getattr(read, name), array, equal_nan=array.dtype == float)


@pytest.mark.parametrize(
    "change",
    [
        {"auprc": np.zeros((2, 3))},
        {"pearson": np.zeros((2, 2), np.float32)},
        {"labels": np.zeros(4, np.int64), "auprc": np.zeros(4), "pearson": np.zeros(4)},
        {"more": np.zeros((2, 2))},
    ],
)
def test_measures_that_do_not_fit_are_refused(association, tmp_path, change):
    save_arrays(tmp_path / "association.safetensors", vars(association) | change)
    with pytest.raises(DataError, match=r"association\.safetensors is damaged"):
        Association.load(tmp_path)


def test_measures_that_are_gone_are_named(tmp_path):
    with pytest.raises(DataError, match=r"association\.safetensors"):
        Association.load(tmp_path)
