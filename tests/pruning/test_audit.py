"""Does an audit count what is there, and fail what it must?"""

import json

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune
from torch.optim import SGD

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.networks.loading import load_network
from prunescope.networks.registry import build
from prunescope.pruning.audit import audit_file
from prunescope.pruning.audit_text import describe_audit
from prunescope.pruning.files import prune_saved
from prunescope.pruning.mask import Mask
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights

NAME = "cifar_resnet20,width=0.25"


@pytest.fixture
def pruned(tmp_path):
    """A file that holds 40 % of the weights of a small network, its mask beside it."""
    torch.save(build(NAME, num_classes=4, seed=3).state_dict(), tmp_path / "dense.pth")
    result = prune_saved(
        NAME, PruneSettings(keep=0.4), weights=tmp_path / "dense.pth", num_classes=4
    )
    return write_weights(tmp_path / "small.safetensors", result.network, result.mask, "prunescope")


def spoil(path, name, change):
    tensors = load_tensors(path)
    tensors[name] = tensors[name].clone()
    change(tensors[name])
    save_tensors(path, tensors)


def test_a_sound_file_has_no_problem_and_its_counts_agree(pruned):
    weights, mask_file = pruned
    audit, mask = audit_file(weights), Mask.load(mask_file)
    assert (audit.problems, audit.notes, audit.network) == ((), (), NAME)
    assert list(audit.layers) == list(mask)
    assert (
        audit.total("nonzero") == mask.survivors == audit.total("weights") - audit.total("pruned")
    )
    assert audit.total("revived") == 0
    assert (audit.keep, audit.sparsity) == (mask.keep, pytest.approx(1 - mask.keep))
    network = load_network(str(weights)).module
    assert audit.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert audit.keep_overall == mask.keep_overall(network)
    ones = sum(int((parameter != 0).sum()) for parameter in network.parameters())
    assert audit.nonzero_parameters == ones
    stored = sum(t.numel() * t.element_size() for t in load_tensors(weights).values())
    assert audit.bytes["dense"] == stored
    assert audit.bytes["bitmap"] < audit.bytes["csr"] < audit.bytes["dense"]
    json.dumps(audit.as_dict(), allow_nan=False)


def test_without_the_network_weights_are_counted_and_the_rest_is_unknown(pruned):
    named = audit_file(pruned[0])
    plain = pruned[0].with_name("plain.safetensors")
    save_tensors(plain, load_tensors(pruned[0]))
    audit = audit_file(plain)
    assert (audit.network, audit.keep, audit.total("revived")) == (None, None, None)
    assert (audit.total("multiply_adds"), audit.total("dead_units")) == (None, None)
    for count in ("weights", "nonzero", "dead_filters"):
        assert audit.total(count) == named.total(count)
    assert audit.parameters == named.parameters
    assert "no mask" in repr(audit)


def test_a_weight_that_came_back_is_found(pruned):
    mask = load_tensors(pruned[1])["layer1.0.conv1.weight"]
    place = tuple((~mask).nonzero()[0].tolist())
    spoil(pruned[0], "layer1.0.conv1.weight", lambda weight: weight.__setitem__(place, 1e-30))
    audit = audit_file(pruned[0])
    assert audit.problems == ("1 pruned weight of layer1.0.conv1.weight is not zero",)
    assert audit.layers["layer1.0.conv1.weight"].revived == audit.total("revived") == 1
    assert "PROBLEM: 1 pruned weight of" in describe_audit(audit)


def test_a_weight_that_is_no_number_is_found(pruned):
    mask = load_tensors(pruned[1])["conv1.weight"]
    place = tuple(mask.nonzero()[0].tolist())
    spoil(pruned[0], "conv1.weight", lambda weight: weight.__setitem__(place, float("inf")))
    assert audit_file(pruned[0]).problems == ("1 weight of conv1.weight is not finite",)


def test_minus_zero_is_zero(pruned):
    mask = load_tensors(pruned[1])["conv1.weight"]
    spoil(pruned[0], "conv1.weight", lambda weight: weight.masked_fill_(~mask, -0.0))
    assert audit_file(pruned[0]).problems == ()


def test_a_mask_of_another_shape_is_refused_by_file_and_name(pruned):
    tensors = load_tensors(pruned[1])
    tensors["conv1.weight"] = tensors["conv1.weight"][:2]
    save_tensors(pruned[1], tensors)
    with pytest.raises(DataError, match=r"small.mask.safetensors does not fit .*conv1.weight is"):
        audit_file(pruned[0])


def test_what_the_optimizer_still_remembers_is_found(tmp_path):
    network = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 1))
    network[0].weight.data = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 4.0]])
    optimizer = SGD(network.parameters(), 0.1, momentum=0.9)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    kept = network[0].weight != 0
    optimizer.step()
    network[0].weight.data[~kept] = 0
    content = {"state_dict": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(content, tmp_path / "net.pt")
    Mask({"0.weight": kept}).save(tmp_path / "mask.safetensors")
    audit = audit_file(tmp_path / "net.pt", mask=tmp_path / "mask.safetensors")
    assert audit.revived_memory == 2
    assert audit.problems == ("the optimizer remembers 2 pruned weights",)
    optimizer.state[network[0].weight]["momentum_buffer"][~kept] = 0
    torch.save(content | {"optimizer": optimizer.state_dict()}, tmp_path / "net.pt")
    audit = audit_file(tmp_path / "net.pt", mask=tmp_path / "mask.safetensors")
    assert (audit.revived_memory, audit.problems) == (0, ())


def test_another_resolution_costs_more_and_changes_nothing_else(pruned):
    small, large = (audit_file(pruned[0], resolution=side) for side in (32, 64))
    assert large.total("multiply_adds") > 3.9 * small.total("multiply_adds")
    assert large.total("dead_units") == small.total("dead_units")
    assert large.bytes == small.bytes


def test_sparse_multiply_adds_are_those_of_the_weights_that_are_left(pruned):
    audit, dense = audit_file(pruned[0]), build(NAME, num_classes=4, seed=3)
    layer = audit.layers["layer2.0.conv1.weight"]  # stride 2: 16 x 16 cells at 32 x 32
    assert layer.multiply_adds == dense.layer2[0].conv1.weight.numel() * 256
    assert layer.sparse_multiply_adds == layer.nonzero * 256


def test_a_torch_file_needs_the_networks_name_for_its_cost(pruned):
    dense = pruned[0].with_name("dense.pth")
    assert audit_file(dense).total("multiply_adds") is None
    named = audit_file(dense, network=NAME, num_classes=4)
    assert named.total("multiply_adds") == audit_file(pruned[0]).total("multiply_adds")
    assert named.total("sparse_multiply_adds") == named.total("multiply_adds")
    with pytest.raises(DataError, match=r"--num-classes 4"):
        audit_file(dense, network=NAME)


def test_a_name_that_contradicts_the_file_is_refused(pruned):
    with pytest.raises(ConfigError, match=r"says it belongs to .* with 4 classes: leave out"):
        audit_file(pruned[0], network="cifar_resnet20")
    with pytest.raises(ConfigError, match="leave out --network"):
        audit_file(pruned[0], network=NAME, num_classes=7)
    assert audit_file(pruned[0], network=NAME).problems == ()


def test_a_network_that_does_not_say_its_resolution_is_counted_without(tmp_path, monkeypatch):
    (tmp_path / "own_small_network.py").write_text(
        "from torch import nn\ndef make(): return nn.Sequential(nn.Conv2d(3, 2, 1))\n"
    )
    monkeypatch.chdir(tmp_path)
    torch.save(nn.Sequential(nn.Conv2d(3, 2, 1)).state_dict(), tmp_path / "net.pth")
    audit = audit_file(tmp_path / "net.pth", network="own_small_network:make")
    assert audit.total("multiply_adds") is None
    assert "give --resolution" in audit.reasons["multiply_adds"]
    assert "give --resolution" in describe_audit(audit)
    audit = audit_file(tmp_path / "net.pth", network="own_small_network:make", resolution=5)
    assert (audit.total("multiply_adds"), audit.notes) == (150, ())


def test_a_bias_that_torch_pruned_is_counted_too(tmp_path):
    network = nn.Sequential(nn.Linear(3, 4))
    torch_prune.l1_unstructured(network[0], "bias", 2)
    torch.save(network.state_dict(), tmp_path / "net.pth")
    audit = audit_file(tmp_path / "net.pth")
    assert audit.layers["0.bias"].pruned == audit.total("pruned") == 2
    assert (audit.total("revived"), audit.problems) == (0, ())


def test_a_file_without_weights_to_prune_is_refused(tmp_path):
    torch.save({"scale": torch.ones(3)}, tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"net.pth holds no weights of a convolution or linear"):
        audit_file(tmp_path / "net.pth")


def test_the_description_names_every_layer_and_total(pruned):
    text = describe_audit(audit_file(pruned[0]))
    for words in ("layer3.2.conv2.weight", "multiply-adds for an image of 32 x 32", "40.0", "csr"):
        assert words in text


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "network", "classes", "parameters"),
    [
        ("cifar10_resnet20_foreign.th", "cifar_resnet20", 10, 269_722),
        ("resnet18_tinyimagenet.pth", "torchvision:resnet18", 200, 11_279_112),
    ],
)
def test_published_networks_are_dense(shared, file, network, classes, parameters):
    path = shared / "models" / file
    audit = audit_file(path, network=network, num_classes=classes)
    assert (audit.parameters, audit.problems) == (parameters, ())
    assert audit.sparsity < 1e-3
    assert (audit.total("dead_filters"), audit.total("dead_units")) == (0, 0)
    assert audit.total("multiply_adds") >= audit.total("sparse_multiply_adds")
