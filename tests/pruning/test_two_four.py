"""Do two of each four weights along the input channels survive?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prunescope as ps
from prunescope.base.errors import ConfigError
from prunescope.pruning import two_four
from prunescope.pruning.mask import Mask


def test_the_two_largest_of_each_four_survive() -> None:
    scores = {"w": torch.tensor([[1.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0]])}
    mask = Mask({"w": torch.ones(1, 8) > 0})
    kept = two_four.select(scores, mask, {"w": 1})["w"]
    assert kept.tolist() == [[False, True, False, True, True, True, False, False]]


def test_of_equal_ones_the_first_survive() -> None:
    mask = Mask({"w": torch.ones(2, 4) > 0})
    kept = two_four.select({"w": torch.ones(2, 4)}, mask, {"w": 1})["w"]
    assert kept.tolist() == [[True, True, False, False]] * 2


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000))
def test_fours_lie_along_the_input_channels(out: int, fours: int, side: int, seed: int) -> None:
    scores = torch.rand(out, 4 * fours, side, side, generator=torch.Generator().manual_seed(seed))
    mask = Mask({"w": torch.ones(scores.shape) > 0})
    kept = two_four.select({"w": scores}, mask, {"w": 1})["w"]
    for o in range(out):
        for y in range(side):
            for x in range(side):
                for four in range(fours):
                    among = range(4 * four, 4 * four + 4)
                    ranked = sorted(among, key=lambda i: -float(scores[o, i, y, x]))
                    assert {i for i in among if kept[o, i, y, x]} == set(ranked[:2])


def test_what_is_pruned_stays_pruned() -> None:
    before = torch.tensor([[True, False, False, False]])
    mask = Mask({"w": before})
    kept = two_four.select({"w": torch.rand(1, 4)}, mask, {"w": 1})["w"]
    assert torch.equal(kept, before)


def test_tensors_that_do_not_divide_stay_dense_and_are_named() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 4))
    mask = ps.prune(network, structure="2:4")
    assert bool(mask["0.weight"].all())
    assert int(mask["1.weight"].sum()) == 16
    assert two_four.describe_dense(mask) == "dense, not dividing by four: 0.weight"


@pytest.mark.parametrize("groups", [1, 2])
def test_input_channels_of_a_transposed_convolution_are_its_first_axis(groups: int) -> None:
    network = torch.nn.ConvTranspose2d(8, 6, 1, groups=groups)
    mask = ps.prune(network, structure="2:4")
    assert mask["weight"].unflatten(0, (2, 4)).sum(1).eq(2).all()


def test_inputs_that_divide_only_across_groups_stay_dense() -> None:
    layers = torch.nn.ConvTranspose2d(12, 6, 1, groups=2), torch.nn.Conv2d(8, 4, 1)
    mask = ps.prune(torch.nn.Sequential(*layers), structure="2:4")
    assert bool(mask["0.weight"].all())
    assert mask["1.weight"].float().mean() == 0.5


def test_a_mask_that_is_not_two_of_four_is_found() -> None:
    before = Mask({"w": torch.ones(3, 8) > 0})
    sound = two_four.select({"w": torch.rand(3, 8)}, before, {"w": 1})
    assert two_four.find_faults(before, sound) == []
    assert two_four.find_faults(before, before) == ["no tensor has two of each four weights left"]
    broken = sound["w"].clone()
    broken[0, :4] = torch.tensor([True, False, False, False])
    assert two_four.find_faults(before, Mask({"w": broken})) == [
        "w has not two of each four weights left"
    ]


def test_a_network_of_which_none_divides_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'structure "2:4" removes nothing.*\(weight\)'):
        ps.prune(torch.nn.Linear(6, 2), structure="2:4")


def test_one_network_is_pruned_so() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(8, 4, 3), torch.nn.Flatten())
    mask = ps.prune(network, structure="2:4")
    assert mask.keep == 0.5
    assert mask.revived(network.state_dict()) == []


def test_a_share_to_keep_beside_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="keeps two of each four"):
        ps.prune(torch.nn.Linear(8, 2), structure="2:4", keep=0.3)
