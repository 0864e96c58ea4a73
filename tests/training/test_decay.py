"""Does weight decay pull at what it should, and at nothing else?"""

import pytest
import torch
from torch import nn

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.training.loop import train
from prunescope.training.optimiser import decay_groups


def named(network, groups):
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {
        group["weight_decay"]: {names[id(parameter)] for parameter in group["params"]}
        for group in groups
    }


WEIGHTS = {"0.weight", "4.weight", "7.weight"}
BIASES = {"0.bias", "4.bias", "7.bias"}
NORMALISATION = {"1.weight", "1.bias"}


@pytest.mark.parametrize(
    ("on", "decayed"),
    [
        ("all", WEIGHTS | BIASES | NORMALISATION),
        ("not-normalisation", WEIGHTS | BIASES),
        ("weights", WEIGHTS),
    ],
)
def test_what_is_spared_is_spared_by_kind(make_network, on, decayed):
    network = make_network()
    found = named(network, decay_groups(network, 0.1, on))
    assert found.pop(0.1) == decayed
    assert found.pop(0.0, set()) == (WEIGHTS | BIASES | NORMALISATION) - decayed
    assert not found


def test_every_kind_of_normalisation_is_spared():
    network = nn.ModuleList(
        [nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.RMSNorm(4), nn.InstanceNorm2d(4, affine=True)]
    )
    assert set(named(network, decay_groups(network, 0.1, "not-normalisation"))) == {0.0}


@pytest.mark.parametrize(("on", "shrinks"), [("all", True), ("weights", False)])
def test_without_a_slope_only_what_is_decayed_shrinks(
    images, normalisation, make_settings, make_network, on, shrinks
):
    network = make_network()
    with torch.no_grad():
        network[7].weight.zero_()  # so that nothing before it has a slope
        network[1].weight.fill_(2.0)
    before = {name: own.clone() for name, own in network.named_parameters()}
    train(
        network,
        images,
        settings=make_settings(weight_decay=0.1, weight_decay_on=on, augmentation=None),
        normalisation=normalisation,
        seeds=Seeds.equal(0),
        start=Step(0, 3),
        end=Step(1, 3),
    )
    after = dict(network.named_parameters())
    assert bool((after["1.weight"] < before["1.weight"]).all()) is shrinks
    assert torch.allclose(after["0.weight"], 0.99 * before["0.weight"])  # learning rate 0.1
