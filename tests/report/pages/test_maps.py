import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prunescope.report.pages.maps import write_maps


def read(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.int8)


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4),
    st.floats(-50, 50),
)
def test_a_cell_is_above_zero_exactly_where_it_is_above_the_threshold(
    values: list[float], threshold: float
) -> None:
    activation = np.array(values, np.float32)
    [text] = write_maps([activation], np.array([threshold]))
    assert (np.sign(read(text)) == np.sign(activation.astype(np.float64) - threshold)).all()


def test_steps_are_shares_of_the_largest_excess() -> None:
    [text] = write_maps([np.array([3, 1, 0.5, 1.001], np.float32)], np.array([1.0]))
    assert read(text).tolist() == [127, 0, -32, 1]


def test_maps_of_several_sizes_are_written_each() -> None:
    texts = write_maps([np.ones(4, np.float32), np.zeros(9, np.float32)], np.array([0.5, 0.5]))
    assert [read(text).tolist() for text in texts] == [[127] * 4, [-127] * 9]
    assert write_maps([], np.zeros(0)) == []
