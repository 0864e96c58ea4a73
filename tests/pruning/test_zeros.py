"""Are zeros that nothing marks as pruned told from those that chance leaves?"""

import pytest
import torch

from prunescope.pruning.mask import Mask
from prunescope.pruning.zeros import mask_of_nonzero, unmarked_zeros

NAMES = ("a.weight", "b.weight")


def state(zeros: int = 0, in_b: int = 0) -> dict[str, torch.Tensor]:
    tensors = {"a.weight": torch.ones(100, 10), "b.weight": torch.ones(5, 4)}
    tensors["a.weight"].view(-1)[:zeros] = 0
    tensors["b.weight"].view(-1)[:in_b] = -0.0
    return tensors


@pytest.mark.parametrize(
    ("zeros", "in_b", "expected"),
    [(0, 0, None), (10, 0, None), (11, 0, 11), (0, 4, None), (0, 5, 5), (8, 3, 11)],
)
def test_more_than_a_hundredth_of_all_or_a_fifth_of_one_is_no_chance(
    zeros: int, in_b: int, expected: int | None
) -> None:
    found = unmarked_zeros(state(zeros, in_b), NAMES, None)
    assert (found and found.count) == expected
    if found is not None:
        assert str(found).startswith(f"{expected} of the 1,020 prunable weights are zero, but no")


def test_zeros_that_a_mask_prunes_are_marked() -> None:
    kept = torch.ones(100, 10, dtype=torch.bool)
    kept.view(-1)[:500] = False
    assert unmarked_zeros(state(500), NAMES, Mask({"a.weight": kept})) is None
    found = unmarked_zeros(state(600), NAMES, Mask({"a.weight": kept}))
    assert found is not None
    assert str(found) == "100 of the 520 weights that the mask keeps are zero"


def test_a_mask_taken_from_zeros_prunes_no_less_than_the_one_before() -> None:
    kept = torch.ones(100, 10, dtype=torch.bool)
    kept.view(-1)[-1] = False
    mask = mask_of_nonzero(state(3, 2), NAMES, Mask({"a.weight": kept, "c": kept[0]}))
    assert list(mask) == ["a.weight", "b.weight", "c"]
    assert mask.survivors == (1000 - 4) + (20 - 2) + 10
