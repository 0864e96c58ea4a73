"""Is every level that does not descend as it must found out?"""

import torch
from hypothesis import given
from hypothesis import strategies as st

from by_magnitude import prune_by_magnitude
from prunescope.pruning import lineage
from prunescope.pruning.lineage import check_dense
from prunescope.pruning.mask import Mask
from prunescope.pruning.selection import LevelRule
from prunescope.pruning.strategy import StrategySettings


def check_descent(before, after, fraction, scope):
    strategy = StrategySettings(fraction=fraction, levels=9, scope=scope)
    return lineage.check_descent(before, after, LevelRule.of(strategy, 1))


def ones():
    return Mask({"a.weight": torch.ones(2, 5) > 0, "b.weight": torch.ones(5) > 0})


def weights():
    generator = torch.Generator().manual_seed(0)
    return {name: torch.rand(kept.shape, generator=generator) for name, kept in ones().items()}


@given(st.sampled_from(["global", "layerwise"]), st.sampled_from([0.2, 0.5, 0.1, 0.36]))
def test_levels_pruned_by_the_rule_are_right(scope, fraction):
    mask = ones()
    assert check_dense(mask) == []
    for _ in range(4):
        smaller = prune_by_magnitude(weights(), mask, fraction, scope)
        assert check_descent(mask, smaller, fraction, scope) == []
        mask = smaller


def test_a_count_off_by_one_is_found():
    right = prune_by_magnitude(weights(), ones(), 0.2)
    for step in (1, -1):
        flat = right["a.weight"].clone().flatten()
        flat[(flat == (step < 0)).nonzero()[0]] = step > 0
        off = Mask({"a.weight": flat.reshape(2, 5), "b.weight": right["b.weight"]})
        (problem,) = check_descent(ones(), off, 0.2, "global")
        assert problem == f"{12 + step} weights are left of 15, but pruning 20 % leaves 12"


def test_the_right_number_in_the_wrong_tensors_is_found_where_the_scope_is_layerwise():
    wrong = Mask({"a.weight": torch.ones(2, 5) > 0, "b.weight": torch.arange(5) > 2})
    assert check_descent(ones(), wrong, 0.2, "global") == []
    problems = check_descent(ones(), wrong, 0.2, "layerwise")
    assert [problem.split(" are")[0] for problem in problems] == [
        "10 weights of a.weight",
        "2 weights of b.weight",
    ]


def test_a_mask_that_grew_is_found():
    first = prune_by_magnitude(weights(), ones(), 0.2)
    second = prune_by_magnitude({n: 1 - w for n, w in weights().items()}, ones(), 0.36)
    problems = check_descent(first, second, 0.2, "global")
    assert any("the mask has grown: " in problem for problem in problems)


def test_a_mask_of_other_tensors_or_shapes_is_found():
    other = Mask({"a.weight": torch.ones(2, 5) > 0, "c.weight": torch.ones(5) > 0})
    assert "b.weight, c.weight" in check_descent(ones(), other, 0.2, "global")[0]
    reshaped = Mask({"a.weight": torch.ones(5, 2) > 0, "b.weight": torch.ones(5) > 0})
    (problem,) = check_descent(ones(), reshaped, 0.2, "global")
    assert problem == "the mask of a.weight is (5, 2), but was (2, 5) a level before"
    turned = Mask(dict(reversed(list(ones().items()))))
    assert "their order" in check_descent(ones(), turned, 0.2, "global")[0]


def test_an_unpruned_level_lacks_nothing():
    mask = prune_by_magnitude(weights(), ones(), 0.2)
    assert check_dense(mask) == ["the unpruned level lacks 3 of its weights"]
