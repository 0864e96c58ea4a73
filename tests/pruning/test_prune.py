"""Does a network keep exactly the share asked for, and lose only what it should?"""

import subprocess
import sys
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as torch_prune

import prunescope
from prunescope.base.errors import ConfigError, DataError
from prunescope.pruning.mask import Mask
from prunescope.pruning.prune import prune_module
from prunescope.pruning.settings import PruneSettings

keeps = st.sampled_from([1.0, 0.9, 0.8, 0.5, 0.168, 0.035, 0.01])
ways = st.fixed_dictionaries(
    {
        "criterion": st.sampled_from(["magnitude", "random"]),
        "scope": st.sampled_from(["global", "layerwise"]),
        "prunable": st.sampled_from(["all", "conv"]),
        "seed": st.integers(0, 3),
    }
)


def make_network() -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 4, 1), nn.Linear(20, 3)
        )


def as_lists(mask):
    return {name: kept.flatten().tolist() for name, kept in mask.items()}


@given(keeps, ways)
@settings(max_examples=60, deadline=None)
def test_as_many_survive_as_asked_and_keep_their_values_and_all_others_are_zero(keep, way):
    network = make_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    mask = prune_module(network, PruneSettings(keep=keep, **way))
    groups = [list(mask)] if way["scope"] == "global" else [[name] for name in mask]
    for names in groups:
        group = Mask({name: mask[name] for name in names})
        assert group.survivors == round(group.size * Fraction(str(keep)))
    for name, tensor in network.state_dict().items():
        expected = before[name] * mask[name] if name in mask else before[name]
        assert torch.equal(tensor, expected)


@given(keeps, keeps, ways)
@settings(max_examples=40, deadline=None)
def test_pruning_twice_is_pruning_once(one, other, way):
    """Of the same weights, so masks only shrink; random ones by the same seed."""
    first, second = sorted((one, other), reverse=True)
    network = make_network()
    mask = prune_module(network, PruneSettings(keep=first, **way))
    smaller = prune_module(network, PruneSettings(keep=second, **way), mask=mask)
    assert not any(bool((smaller[name] & ~mask[name]).any()) for name in mask)
    assert as_lists(smaller) == as_lists(
        prune_module(make_network(), PruneSettings(keep=second, **way))
    )


def test_the_largest_survive_counted_by_hand():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    network[0].weight.data = torch.tensor([[1.0, -5.0], [2.0, -2.0]])
    network[1].weight.data = torch.tensor([[3.0, 0.5]])
    mask = prune_module(network, PruneSettings(keep=0.5))
    assert as_lists(mask) == {"0.weight": [False, True, True, False], "1.weight": [True, False]}
    assert network[0].weight.tolist() == [[0, -5], [2, 0]]
    assert network[1].weight.tolist() == [[3, 0]]


def test_random_pruning_depends_on_the_seed_alone_and_not_on_the_weights():
    other = make_network()
    other[0].weight.data.mul_(100)
    masks = [
        prune_module(network, PruneSettings(keep=0.5, criterion="random", seed=seed))
        for network, seed in ((make_network(), 1), (other, 1), (make_network(), 2))
    ]
    assert as_lists(masks[0]) == as_lists(masks[1]) != as_lists(masks[2])


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.01, float("nan")])
def test_a_share_outside_the_interval_is_refused(keep):
    with pytest.raises(ConfigError, match=r"must lie in \(0, 1\]"):
        PruneSettings.validate_from({"keep": keep}, "prune")


def test_a_mask_never_grows():
    network = make_network()
    mask = prune_module(network, PruneSettings(keep=0.5))
    with pytest.raises(ConfigError, match=r"176 of the network's 215 weights, but only 108"):
        prune_module(network, PruneSettings(keep=0.82), mask=mask)
    with pytest.raises(ConfigError, match=r"of \d\.weight's \d+ weights, but only \d+ are left"):
        prune_module(network, PruneSettings(keep=0.5, scope="layerwise"), mask=mask)
    assert mask.survivors == 108


def test_a_mask_of_what_is_not_prunable_is_refused_unless_it_prunes_nothing():
    network = make_network()
    full = Mask({"3.weight": torch.ones(3, 20) > 0})
    assert "3.weight" not in prune_module(
        network, PruneSettings(keep=0.5, prunable="conv"), mask=full
    )
    part = prune_module(make_network(), PruneSettings(keep=0.5))
    with pytest.raises(ConfigError, match=r'3.weight is pruned already.*"conv"'):
        prune_module(make_network(), PruneSettings(keep=0.4, prunable="conv"), mask=part)


def test_what_cannot_be_pruned_is_refused_and_nothing_changed():
    network = make_network()
    network[0].weight.data[0] = float("nan")
    before = network[2].weight.clone()
    with pytest.raises(DataError, match="not finite"):
        prune_module(network, PruneSettings(keep=0.5))
    with pytest.raises(DataError, match=r"no 9\.weight"):
        prune_module(network, PruneSettings(keep=0.5), mask=Mask({"9.weight": torch.ones(1) > 0}))
    assert torch.equal(network[2].weight, before)


def test_a_network_that_torch_prunes_is_refused():
    network = make_network()
    torch_prune.l1_unstructured(network[0], "weight", 0.5)
    with pytest.raises(ConfigError, match="detach_torch_masks"):
        prune_module(network, PruneSettings(keep=0.5))


def test_its_public_name_does_not_make_the_import_slow():
    assert "prune" in prunescope.__all__
    program = "import sys, prunescope; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
