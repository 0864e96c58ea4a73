"""Is the small network the one that its name and the documentation promise?"""

import pytest
import torch
from torch import nn

from prunescope.networks.plain_cnn import PlainCNN
from prunescope.networks.registry import build, network_input
from prunescope.pruning.prunable import prunable_names


def test_it_has_a_million_weights_nearly_all_in_convolutions():
    network = PlainCNN(num_classes=50, width=1.0)
    convolutions = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    assert convolutions == 9 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256 + 256 * 256)
    assert sum(tensor.numel() for tensor in network.parameters()) == convolutions + 2 * 736 + 12850


@pytest.mark.parametrize(("width", "channels"), [("", 32), (",width=0.5", 16), (",width=2", 64)])
def test_the_width_multiplies_the_channels_and_strides_halve_the_maps(width, channels):
    network = build(f"plain_cnn{width}", num_classes=7, seed=0).eval()
    shapes = []
    for number in range(1, 6):
        layer = network.get_submodule(f"layer{number}")
        layer.register_forward_hook(lambda module, given, result: shapes.append(result.shape[1:]))
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 7)
    assert shapes == [
        (channels, 32, 32), (2 * channels, 16, 16), (4 * channels, 16, 16),
        (8 * channels, 8, 8), (8 * channels, 8, 8),
    ]  # fmt: skip


def test_it_is_shown_pictures_of_64_pixels_and_all_its_layers_are_pruned():
    seen = network_input("plain_cnn")
    assert seen is not None
    assert seen.resolution == 64
    names = [f"layer{number}.conv.weight" for number in range(1, 6)]
    network = build("plain_cnn", seed=0)
    assert list(prunable_names(network, "all")) == [*names, "linear.weight"]
    assert list(prunable_names(network, "conv")) == names
