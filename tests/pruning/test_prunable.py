"""Does each convention name exactly the tensors it must?"""

from itertools import pairwise

import pytest
import torch
import torchvision
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.networks.cifar_resnet import CifarResNet
from prunescope.networks.hollow import build_hollow
from prunescope.pruning.prunable import prunable_names


def on_no_device(make, **arguments):
    """Build a network of shapes alone, which takes no time and no memory."""
    with torch.device("meta"):
        return make(weights=None, **arguments)


def count(network: nn.Module, convention: str) -> int:
    state = network.state_dict()
    return sum(state[name].numel() for name in prunable_names(network, convention))


def resnet18_counts() -> dict[str, int]:
    main = 3 * 64 * 49 + 4 * 64 * 64 * 9
    shortcut = 0
    for narrow, wide in [(64, 128), (128, 256), (256, 512)]:
        main += narrow * wide * 9 + 3 * wide * wide * 9
        shortcut += narrow * wide
    return {"conv": main, "conv+shortcut": main + shortcut, "all": main + shortcut + 512 * 1000}


def resnet50_counts() -> dict[str, int]:
    main, shortcut, channels = 3 * 64 * 49, 0, 64
    for width, blocks in [(64, 3), (128, 4), (256, 6), (512, 3)]:
        shortcut += channels * 4 * width
        for _ in range(blocks):
            main += channels * width + width * width * 9 + width * 4 * width
            channels = 4 * width
    return {"conv": main, "conv+shortcut": main + shortcut, "all": main + shortcut + 2048 * 1000}


def vgg16_counts() -> dict[str, int]:
    channels = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    main = sum(9 * before * after for before, after in pairwise(channels))
    linear = 512 * 7 * 7 * 4096 + 4096 * 4096 + 4096 * 1000
    return {"conv": main, "conv+shortcut": main, "all": main + linear}


@pytest.mark.parametrize("convention", ["all", "conv", "conv+shortcut"])
@pytest.mark.parametrize(
    ("name", "counts"),
    [("resnet18", resnet18_counts()), ("resnet50", resnet50_counts()), ("vgg16", vgg16_counts())],
)
def test_torchvision_networks_have_as_many_as_reckoned_by_hand(name, counts, convention):
    network = on_no_device(getattr(torchvision.models, name))
    assert count(network, convention) == counts[convention]


def test_resnet50_by_the_convention_of_the_paper_leaves_out_shortcuts_and_classifier():
    names = prunable_names(on_no_device(torchvision.models.resnet50), "conv")
    assert len(names) == 1 + 3 * (3 + 4 + 6 + 3)
    assert names[:2] == ("conv1.weight", "layer1.0.conv1.weight")
    assert not [name for name in names if "downsample" in name or name.startswith("fc")]


def test_option_a_shortcuts_have_nothing_to_prune():
    network = CifarResNet(20, num_classes=10, width=1.0)
    main = 3 * 16 * 9 + 6 * 16 * 16 * 9
    for narrow, wide in [(16, 32), (32, 64)]:
        main += narrow * wide * 9 + 5 * wide * wide * 9
    assert count(network, "conv") == count(network, "conv+shortcut") == main
    assert count(network, "all") == main + 64 * 10


def test_a_classifier_that_is_a_convolution_is_a_classifier():
    network = on_no_device(torchvision.models.squeezenet1_0)
    everything = prunable_names(network, "all")
    assert everything[-1] == "classifier.1.weight"
    assert prunable_names(network, "conv") == everything[:-1]
    assert prunable_names(network, "conv+shortcut") == everything[:-1]


@pytest.mark.parametrize("convention", ["all", "conv", "conv+shortcut"])
def test_names_come_in_state_dict_order(convention):
    network = on_no_device(torchvision.models.resnet18)
    names = prunable_names(network, convention)
    assert list(names) == [name for name in network.state_dict() if name in set(names)]


def test_biases_and_normalisation_are_never_named():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    assert prunable_names(network, "all") == ("0.weight", "2.weight")


def test_a_bare_layer_is_a_network_too():
    assert prunable_names(nn.Linear(2, 2), "all") == ("weight",)


def test_a_shared_weight_counts_once():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = network[0].weight
    assert prunable_names(network, "all") == ("0.weight",)


def test_nothing_to_prune_is_an_error():
    with pytest.raises(ConfigError, match='prunable by the convention "conv"'):
        prunable_names(nn.Linear(2, 2), "conv")


def test_attention_is_pruned_alike_whether_its_linear_layers_are_modules_or_not():
    """Queries, keys and values of a ViT-Tiny: three maps of 192 x 192 in each of 12 blocks."""
    timms = build_hollow("timm:vit_tiny_patch16_224", num_classes=2)
    blocks = [name for name in prunable_names(timms, "all") if name.startswith("blocks.0.")]
    assert blocks == [
        f"blocks.0.{layer}.weight" for layer in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    ]
    torchs = nn.TransformerEncoderLayer(192, 3, 4 * 192)
    assert prunable_names(torchs, "all") == (
        "self_attn.in_proj_weight",
        "self_attn.out_proj.weight",
        "linear1.weight",
        "linear2.weight",
    )
    weights = dict(torchs.named_parameters())
    counted = sum(weights[name].numel() for name in prunable_names(torchs, "all"))
    assert counted == sum(dict(timms.named_parameters())[name].numel() for name in blocks)


def test_attention_over_other_keys_and_values_has_three_tensors_to_prune():
    attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True)
    assert prunable_names(attention, "all") == (
        "q_proj_weight",
        "k_proj_weight",
        "v_proj_weight",
        "out_proj.weight",
    )
    with pytest.raises(ConfigError, match="no tensor"):
        prunable_names(attention, "conv")
