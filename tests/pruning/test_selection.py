"""Do exactly those with the highest scores survive, together or tensor by tensor?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from by_magnitude import prune_by_magnitude
from oracle import pruning as oracle
from prunescope.base.errors import DataError
from prunescope.pruning.mask import Mask
from prunescope.pruning.selection import select

few_values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0])
fractions = st.sampled_from(["0.2", "0.36", "0.5", "0.1", "0.25", "0.875"])


@st.composite
def worlds(draw):
    """Up to three tensors of few values, so that many are equal, some weights already gone."""
    shapes = draw(st.lists(st.sampled_from([(1,), (5,), (2, 3), (2, 1, 2, 2)]), min_size=1))
    weights, masks = {}, {}
    for number, shape in enumerate(shapes[:3]):
        name, size = f"layer{9 - number}.weight", torch.Size(shape).numel()
        flat = draw(st.lists(few_values, min_size=size, max_size=size))
        kept = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        weights[name] = torch.tensor(flat).reshape(shape)
        masks[name] = torch.tensor(kept).reshape(shape)
    return weights, Mask(masks)


def as_lists(tensors):
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()}


@pytest.mark.long
@given(worlds(), fractions)
@settings(max_examples=150, deadline=None)
def test_layerwise_the_fast_way_and_the_plain_way_keep_the_same_weights(world, fraction):
    weights, mask = world
    expected = oracle.prune_layerwise(as_lists(weights), as_lists(mask), fraction)
    pruned = prune_by_magnitude(weights, mask, float(fraction), "layerwise")
    assert as_lists(pruned) == expected
    assert [kept.shape for kept in pruned.values()] == [kept.shape for kept in mask.values()]


@given(worlds(), fractions)
@settings(max_examples=50, deadline=None)
def test_with_one_tensor_both_scopes_are_one(world, fraction):
    weights, mask = world
    for name in mask:
        alone = Mask({name: mask[name]})
        both = [
            prune_by_magnitude(weights, alone, float(fraction), scope)
            for scope in ("global", "layerwise")
        ]
        assert as_lists(both[0]) == as_lists(both[1])


def test_globally_the_tensor_of_small_weights_dies_and_layerwise_it_does_not():
    weights = {"small": torch.arange(1.0, 5.0) / 100, "large": torch.arange(1.0, 5.0)}
    mask = Mask({name: torch.ones(4, dtype=torch.bool) for name in weights})
    assert as_lists(prune_by_magnitude(weights, mask, 0.5, "global")) == {
        "small": [False] * 4,
        "large": [True] * 4,
    }
    assert as_lists(prune_by_magnitude(weights, mask, 0.5, "layerwise")) == {
        "small": [False, False, True, True],
        "large": [False, False, True, True],
    }


def test_layerwise_every_count_is_rounded_for_itself_half_to_even():
    weights = {"five": torch.ones(5), "seven": torch.ones(7)}
    mask = Mask({name: torch.ones_like(weight) > 0 for name, weight in weights.items()})
    layerwise = prune_by_magnitude(weights, mask, 0.5, "layerwise")
    assert as_lists(layerwise) == {  # 2.5 and 3.5
        "five": [True] * 2 + [False] * 3,
        "seven": [True] * 4 + [False] * 3,
    }
    assert prune_by_magnitude(weights, mask, 0.5).survivors == 6


def test_layerwise_a_tensor_that_is_gone_stays_gone():
    mask = Mask({"a": torch.zeros(3) > 0, "b": torch.ones(4) > 0})
    pruned = prune_by_magnitude({"a": torch.ones(3), "b": torch.ones(4)}, mask, 0.5, "layerwise")
    assert as_lists(pruned) == {"a": [False] * 3, "b": [True, True, False, False]}


def test_scores_of_pruned_weights_are_never_read():
    scores = {"w": torch.tensor([float("nan"), 1.0, 2.0])}
    mask = Mask({"w": torch.tensor([False, True, True])})
    assert as_lists(select(scores, mask, [(mask, 1)])) == {"w": [False, False, True]}
    full = Mask({"w": torch.ones(3) > 0})
    with pytest.raises(DataError, match="not finite"):
        select(scores, full, [(full, 1)])
