"""Are multiply-adds of a network in memory those that an audit counts in its file?"""

import copy

import torch
from torch import nn

from prunescope.networks.registry import build
from prunescope.pruning.audit import audit_file
from prunescope.pruning.cost import count_multiply_adds

NAME = "cifar_resnet20,width=0.25"


def test_multiply_adds_are_those_of_an_audit(tmp_path):
    network = build(NAME, num_classes=4, seed=3).train()
    with torch.no_grad():
        network.get_parameter("conv1.weight")[0] = 0
    before = copy.deepcopy(network.state_dict())
    torch.save(network.state_dict(), tmp_path / "dense.pth")
    found = count_multiply_adds(network, 32)
    audit = audit_file(tmp_path / "dense.pth", network=NAME, num_classes=4)
    assert found == {name: audit.total(name) for name in found}
    assert found["multiply_adds"] - found["sparse_multiply_adds"] == 3 * 3 * 3 * 32 * 32
    assert network.training
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)


def test_those_for_an_image_that_is_no_square_are_counted_by_its_cells():
    network = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(5, 2, 1))
    with torch.no_grad():
        network[2].weight[1] = 0
    found = count_multiply_adds(network, (8, 12))
    first, second = 3 * 5 * 9 * 8 * 12, 5 * 2 * 4 * 6
    assert found == {"multiply_adds": first + second, "sparse_multiply_adds": first + second // 2}
    assert count_multiply_adds(network, (8, 8)) == count_multiply_adds(network, 8)


def test_those_of_a_network_without_layers_are_not_known():
    assert set(count_multiply_adds(nn.Flatten(), 8).values()) == {None}
