"""Do residual blocks start as their shortcuts where they are asked to?"""

import pytest
import torch
from torchvision import models

from prunescope.base.errors import ConfigError
from prunescope.networks.registry import build
from prunescope.networks.residual import zero_last_gammas


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_gains_set_to_zero_are_torchvisions(name):
    network = build(f"torchvision:{name}", num_classes=3, seed=0)
    zero_last_gammas(network, name)
    theirs = models.get_model(name, num_classes=3, zero_init_residual=True)
    gains = {key: own for key, own in network.state_dict().items() if key.endswith("weight")}
    zero = {key for key, own in theirs.state_dict().items() if key in gains and not own.any()}
    assert zero
    assert {key for key, own in gains.items() if not own.any()} == zero


def test_a_cifar_resnet_then_begins_with_what_its_shortcuts_carry():
    network = build("cifar_resnet20,width=0.25", seed=0)
    zero_last_gammas(network, "cifar_resnet20")
    block = network.layer1[0]
    maps = torch.rand(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(maps), maps)
    assert (
        sum(not own.any() for key, own in network.state_dict().items() if "bn2.weight" in key) == 9
    )


def test_a_network_without_residual_blocks_is_refused():
    with pytest.raises(ConfigError, match=r"alexnet has no block .* leave it out"):
        zero_last_gammas(build("torchvision:alexnet", num_classes=2, seed=0), "alexnet")
