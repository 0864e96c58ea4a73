"""Are these the networks of He et al., section 4.2?"""

import pytest
import torch
from torch import nn

from prunescope.networks.cifar_resnet import CifarResNet, OptionAShortcut


def parameters(network: nn.Module) -> int:
    return sum(tensor.numel() for tensor in network.parameters())


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_the_parameters_are_as_many_as_the_papers_table_6_says(depth, millions):
    count = parameters(CifarResNet(depth, num_classes=10, width=1.0)) / 1e6
    assert round(count, 1 if depth == 110 else 2) == millions


@pytest.mark.parametrize("depth", [20, 110])
def test_the_depth_counts_convolutions_and_classifier(depth):
    weighted = [
        m for m in CifarResNet(depth, num_classes=10, width=1.0).modules() if hasattr(m, "weight")
    ]
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in weighted) == depth


@pytest.mark.parametrize(("width", "channels"), [(1.0, 16), (2.0, 32), (0.5, 8), (0.1, 2)])
def test_the_width_multiplies_the_channels(width, channels):
    network = CifarResNet(20, num_classes=7, width=width).eval()
    maps = []
    for layer in (network.layer1, network.layer2, network.layer3):
        layer.register_forward_hook(lambda module, given, result: maps.append(result.shape))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert maps == [
        (2, channels, 32, 32),
        (2, 2 * channels, 16, 16),
        (2, 4 * channels, 8, 8),
    ]


def test_the_shortcut_has_no_weights_takes_every_second_cell_and_pads_with_zero_channels():
    shortcut = OptionAShortcut(2, 5)
    maps = torch.arange(32.0).view(1, 2, 4, 4) + 1
    passed = shortcut(maps)
    assert not list(shortcut.parameters())
    assert passed.shape == (1, 5, 2, 2)
    assert torch.equal(passed[:, 1:3], maps[:, :, ::2, ::2])
    assert not passed[:, [0, 3, 4]].any()


def test_convolutions_start_with_he_variance():
    torch.manual_seed(0)
    weight = CifarResNet(20, num_classes=10, width=1.0).layer3[2].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)
