"""Do exactly the asked number of weights survive, the largest, and of equal ones the first?"""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from by_magnitude import prune_by_magnitude
from oracle import pruning as oracle
from prunescope.base.errors import ConfigError, DataError
from prunescope.pruning.mask import Mask
from prunescope.pruning.schedules.fraction import survivors_after

NAMES = ("layer2.weight", "conv1.weight", "fc.weight", "layer1.weight")  # not in ABC order
FRACTIONS = ("0.2", "0.36", "0.5", "0.1", "0.25", "0.875")

few_values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0])
any_values = st.floats(-4, 4, width=32)


@st.composite
def worlds(draw):
    """A few tensors of mixed sizes with some weights already gone, and a fraction."""
    shapes = draw(
        st.lists(st.sampled_from([(1,), (3,), (2, 3), (2, 1, 3, 3)]), min_size=1, max_size=4)
    )
    values = draw(st.sampled_from([few_values, any_values]))
    weights, masks = {}, {}
    for name, shape in zip(NAMES, shapes, strict=False):
        size = torch.Size(shape).numel()
        flat = draw(st.lists(values, min_size=size, max_size=size))
        kept = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        weights[name] = torch.tensor(flat).reshape(shape)
        masks[name] = torch.tensor(kept).reshape(shape)
    return weights, Mask(masks), draw(st.sampled_from(FRACTIONS))


def as_lists(tensors):
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()}


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_the_fast_way_and_the_plain_way_keep_the_same_weights(world):
    weights, mask, fraction = world
    expected = oracle.prune(as_lists(weights), as_lists(mask), fraction)
    pruned = prune_by_magnitude(weights, mask, float(fraction))
    assert as_lists(pruned) == expected
    assert [tensor.shape for tensor in pruned.values()] == [t.shape for t in weights.values()]


@given(st.integers(0, 10**9), st.sampled_from(FRACTIONS))
def test_the_count_is_rounded_half_to_even(survivors, fraction):
    assert survivors_after(survivors, float(fraction)) == oracle.survivors_after(
        survivors, fraction
    )


@pytest.mark.parametrize(
    ("survivors", "fraction", "left"),
    [(5, 0.5, 2), (7, 0.5, 4), (15, 0.1, 14), (25, 0.1, 22), (100, 0.36, 64), (1, 0.2, 1)],
)
def test_counts_reckoned_by_hand(survivors, fraction, left):
    assert survivors_after(survivors, fraction) == left


@given(worlds(), st.lists(st.sampled_from(FRACTIONS), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_masks_only_shrink_level_by_level(world, fractions):
    weights, mask, _ = world
    for fraction in fractions:
        smaller = prune_by_magnitude(weights, mask, float(fraction))
        assert smaller.survivors == oracle.survivors_after(mask.survivors, fraction)
        assert not any(bool((smaller[name] & ~mask[name]).any()) for name in mask)
        mask = smaller


def test_equal_weights_still_keep_exactly_the_asked_number():
    weights = {"b": torch.full((7, 3), -0.5), "a": torch.full((4,), 0.5)}
    mask = Mask(
        {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    )
    pruned = prune_by_magnitude(weights, mask, 0.36)
    assert pruned.survivors == 16  # round(25 x 0.64)
    assert as_lists(pruned) == {"b": [True] * 16 + [False] * 5, "a": [False] * 4}


def test_ties_fall_in_state_dict_order_also_after_the_mask_was_on_disk(tmp_path: Path):
    weights = {"stem": torch.ones(3), "body": torch.ones(3), "head": torch.ones(4)}
    mask = Mask(
        {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    )
    mask.save(tmp_path / "mask.safetensors")
    pruned = prune_by_magnitude(weights, Mask.load(tmp_path / "mask.safetensors"), 0.5)
    assert as_lists(pruned) == {
        "stem": [True] * 3,
        "body": [True, True, False],
        "head": [False] * 4,
    }


def test_the_mask_given_is_not_changed():
    mask = Mask({"w": torch.ones(4, dtype=torch.bool)})
    prune_by_magnitude({"w": torch.arange(4.0)}, mask, 0.5)
    assert mask.survivors == 4


def test_weights_already_gone_are_never_ranked():
    weights = {"w": torch.tensor([9.0, 1.0, 2.0, 3.0, 4.0])}
    mask = Mask({"w": torch.tensor([False, True, True, True, True])})
    assert as_lists(prune_by_magnitude(weights, mask, 0.5)) == {"w": [False] * 3 + [True] * 2}


def test_double_precision_is_ranked_in_double_precision():
    weights = {"w": torch.tensor([1.0, 1.0 + 1e-12], dtype=torch.float64)}
    mask = Mask({"w": torch.ones(2, dtype=torch.bool)})
    assert as_lists(prune_by_magnitude(weights, mask, 0.5)) == {"w": [False, True]}


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 1.5, float("nan")])
def test_a_fraction_outside_the_open_interval_is_refused(fraction):
    with pytest.raises(ConfigError, match=r"must lie in \(0, 1\)"):
        survivors_after(10, fraction)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused(bad):
    mask = Mask({"w": torch.ones(2, dtype=torch.bool)})
    with pytest.raises(DataError, match="not finite"):
        prune_by_magnitude({"w": torch.tensor([1.0, bad])}, mask, 0.5)


def test_weights_of_another_network_are_refused():
    mask = Mask({"w": torch.ones(2, dtype=torch.bool)})
    with pytest.raises(DataError, match="no w"):
        prune_by_magnitude({"v": torch.ones(2)}, mask, 0.5)
    with pytest.raises(DataError, match=r"w is \(2,\), but \(1, 2\) here"):
        prune_by_magnitude({"w": torch.ones(1, 2)}, mask, 0.5)
