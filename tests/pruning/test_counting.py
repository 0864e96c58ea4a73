"""Is a layer counted as one counts it by hand?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.pruning.counting import count_layer
from prunescope.pruning.flow import LayerFlow


def test_a_layer_counted_by_hand():
    weight = torch.tensor([[1.0, 0.0, 0.0], [-0.0, 0.0, 0.0], [0.5, 0.0, float("nan")]])
    kept = torch.tensor([[True, False, True], [False] * 3, [False, False, True]])
    count = count_layer(weight, kept, LayerFlow(cells=10, dead_units=2))
    assert (count.weights, count.nonzero, count.filters) == (9, 3, 3)
    assert count.sparsity == pytest.approx(6 / 9)
    assert (count.pruned, count.revived) == (6, 1)  # 0.5 is back, though the mask took it
    assert (count.dead_filters, count.dead_units, count.not_finite) == (1, 2, 1)
    assert (count.multiply_adds, count.sparse_multiply_adds) == (90, 30)


def test_bytes_counted_by_hand():
    """27 values, 5 left, 3 filters, 2 bytes each."""
    weight = torch.zeros(3, 9, dtype=torch.float16)
    weight.view(-1)[:5] = 1
    assert count_layer(weight, None, None).bytes == {
        "dense": 27 * 2,
        "bitmap": 4 + 5 * 2,
        "csr": 5 * 2 + 5 * 4 + (3 + 1) * 4,
    }


def test_what_is_not_known_is_none_and_not_zero():
    count = count_layer(torch.ones(2, 2), None, None)
    unknown = (
        count.pruned,
        count.revived,
        count.dead_units,
        count.multiply_adds,
        count.sparse_multiply_adds,
    )
    assert unknown == (None,) * 5
    assert (count.dead_filters, count.sparsity) == (0, 0)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=8, max_size=8), st.data())
def test_a_tensor_that_is_zero_where_its_mask_says_so_has_nothing_revived(values, data):
    weight = torch.tensor(values).reshape(2, 2, 2)
    kept = weight != 0
    assert count_layer(weight, kept, None).revived == 0
    assert count_layer(weight, kept, None).pruned == int((weight == 0).sum())
    place = data.draw(st.integers(0, 7))
    back = weight.clone()
    back.view(-1)[place] = 3.0
    expected = int(values[place] == 0)
    assert count_layer(back, kept, None).revived == expected


def test_a_bias_has_no_filters():
    count = count_layer(torch.tensor([0.0, 1.0]), torch.tensor([False, True]), None)
    assert (count.filters, count.dead_filters, count.pruned, count.revived) == (0, 0, 1, 0)
