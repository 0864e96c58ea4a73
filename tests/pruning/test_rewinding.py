"""Is everything as it was at the rewind point, but for the pruned weights?"""

import torch
from torch import nn
from torch.optim import SGD

from by_magnitude import prune_by_magnitude
from prunescope.pruning.mask import Mask, restore


def make_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4))


def state_of(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def train_a_little(network: nn.Module) -> SGD:
    optimizer = SGD(network.parameters(), 0.5, 0.9, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(2, 3, 4, 4)).square().mean().backward()
        optimizer.step()
    return optimizer


def test_every_parameter_and_buffer_is_restored_and_pruned_weights_are_zero():
    network = make_network()
    train_a_little(network)
    rewind_point = state_of(network)
    train_a_little(network)
    mask = prune_by_magnitude(network.state_dict(), Mask.ones(network, ("0.weight",)), 0.2)
    restore(network, rewind_point, mask)
    state = network.state_dict()
    assert state["1.num_batches_tracked"] == 3
    assert state.keys() == rewind_point.keys()
    for name, tensor in state.items():
        expected = rewind_point[name] * mask[name] if name in mask else rewind_point[name]
        assert torch.equal(tensor, expected)


def test_level_0_takes_the_same_path_and_changes_no_bit():
    network = make_network()
    rewind_point = state_of(network)
    train_a_little(network)
    keeper = restore(network, rewind_point, Mask.ones(network, ("0.weight",)))
    keeper(None)
    assert all(
        torch.equal(tensor, rewind_point[name]) for name, tensor in network.state_dict().items()
    )


def test_the_rewind_point_is_not_changed():
    network = make_network()
    rewind_point = state_of(network)
    before = {name: tensor.clone() for name, tensor in rewind_point.items()}
    mask = prune_by_magnitude(rewind_point, Mask.ones(network, ("0.weight",)), 0.5)
    restore(network, rewind_point, mask)
    train_a_little(network)
    assert all(torch.equal(rewind_point[name], before[name]) for name in before)


def test_the_keeper_holds_the_mask_while_training_goes_on():
    network = make_network()
    mask = prune_by_magnitude(network.state_dict(), Mask.ones(network, ("0.weight",)), 0.5)
    keeper = restore(network, state_of(network), mask)
    optimizer = train_a_little(network)
    assert mask.revived(network.state_dict()) == ["0.weight"]
    keeper(optimizer)
    assert mask.revived(network.state_dict()) == []
