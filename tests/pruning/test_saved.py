"""Is every form of pruned weights read for what it is?"""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune
from torch.optim import SGD, Adam, AdamW

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.steps import Step
from prunescope.base.tensors import save_tensors
from prunescope.networks.description import Description
from prunescope.pruning.mask import Mask
from prunescope.pruning.prune import prune_module
from prunescope.pruning.saved import mask_beside, read_mask, read_weights
from prunescope.pruning.settings import PruneSettings
from prunescope.training.averaging import MovingAverage
from prunescope.training.checkpoint import save_checkpoint
from prunescope.training.history import History


def make_network() -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


def take_step(network, optimizer):
    optimizer.zero_grad()
    network(torch.ones(2, 3, 4, 4)).square().sum().backward()
    optimizer.step()


@pytest.fixture
def pruned():
    network = make_network()
    return network, prune_module(network, PruneSettings(keep=0.25))


def same(one, other):
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("weights", "mask"),
    [
        ("weights.safetensors", "mask.safetensors"),
        ("small.safetensors", "small.mask.safetensors"),
        ("small.v2.safetensors", "small.v2.mask.safetensors"),
        ("small.pth", "small.pth.mask.safetensors"),
        ("model_ep160_it0.pth", "mask.pth"),
        ("my_model_ep160_it0.pth", "my_model_ep160_it0.pth.mask.safetensors"),
    ],
)
def test_a_mask_lies_beside_its_weights(tmp_path, weights, mask):
    assert mask_beside(tmp_path / weights) == tmp_path / mask


def test_a_level_is_read_with_its_mask_and_its_network(tmp_path, pruned):
    network, mask = pruned
    described = Description(name="cifar_resnet20", num_classes=2, input=None)
    save_tensors(tmp_path / "weights.safetensors", network.state_dict(), described.as_metadata())
    mask.save(tmp_path / "mask.safetensors")
    saved = read_weights(tmp_path)
    assert same(saved.state, network.state_dict())
    assert same(saved.mask, mask)
    assert (saved.description, saved.memories, saved.notes) == (described, None, ())


def test_a_mask_is_taken_from_where_the_user_says(tmp_path, pruned):
    network, mask = pruned
    torch.save(network.state_dict(), tmp_path / "net.pt")
    assert read_weights(tmp_path / "net.pt").mask is None
    mask.save(tmp_path / "elsewhere.safetensors")
    assert same(read_weights(tmp_path / "net.pt", tmp_path / "elsewhere.safetensors").mask, mask)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.float32])
def test_a_mask_that_torch_saved_is_read_in_any_type(tmp_path, pruned, dtype):
    _, mask = pruned
    torch.save({name: kept.to(dtype) for name, kept in mask.items()}, tmp_path / "mask.pth")
    assert same(read_mask(tmp_path / "mask.pth"), mask)


def test_an_openlth_network_is_read_with_the_mask_beside_it(tmp_path, pruned):
    network, mask = pruned
    torch.save(network.state_dict(), tmp_path / "model_ep2_it0.pth")
    torch.save({name: kept.int() for name, kept in mask.items()}, tmp_path / "mask.pth")
    saved = read_weights(tmp_path / "model_ep2_it0.pth")
    assert same(saved.mask, mask)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_an_openlth_checkpoint_is_read_with_its_masks_and_its_momentum(tmp_path, pruned, prefix):
    network, mask = pruned
    optimizer = SGD(network.parameters(), 0.1, momentum=0.9)
    take_step(network, optimizer)
    form = {f"{prefix}model.{name}": tensor for name, tensor in network.state_dict().items()}
    form |= {
        f"{prefix}mask_{name.replace('.', '___')}": kept.float() for name, kept in mask.items()
    }
    content = {
        "ep": 1,
        "it": 0,
        "model_state_dict": form,
        "optimizer_state_dict": optimizer.state_dict(),
        "logger": "text",
    }
    torch.save(content, tmp_path / "checkpoint.pth")
    saved = read_weights(tmp_path / "checkpoint.pth")
    assert same(saved.state, network.state_dict())
    assert same(saved.mask, mask)
    assert same(
        {name: memory[0] for name, memory in saved.memories.items()},
        {
            name: optimizer.state[parameter]["momentum_buffer"]
            for name, parameter in network.named_parameters()
        },
    )


def test_all_that_an_optimizer_remembers_is_read(tmp_path):
    network = make_network()
    optimizer = Adam(network.parameters())
    take_step(network, optimizer)
    torch.save(
        {"state_dict": network.state_dict(), "optimizer": optimizer.state_dict()},
        tmp_path / "checkpoint.pt",
    )
    saved = read_weights(tmp_path / "checkpoint.pt")
    assert [len(memory) for memory in saved.memories.values()] == [2] * 6
    assert torch.equal(saved.memories["3.bias"][1], optimizer.state[network[3].bias]["exp_avg_sq"])


def test_an_optimizer_of_other_parameters_is_left_out_and_noted(tmp_path):
    network = make_network()
    optimizer = SGD(network[3].parameters(), 0.1, momentum=0.9)
    torch.save(
        {"model": network.state_dict(), "optimizer": optimizer.state_dict()},
        tmp_path / "checkpoint.pt",
    )
    saved = read_weights(tmp_path / "checkpoint.pt")
    assert saved.memories is None
    assert "cannot be matched" in saved.notes[0]


def test_a_checkpoint_of_a_run_is_read_with_its_momentum(tmp_path):
    network = make_network()
    optimizer = SGD(network.parameters(), 0.1, momentum=0.9)
    take_step(network, optimizer)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, network, optimizer, step=Step(1, 1), history=History(), identity="x")
    saved = read_weights(path)
    assert same(saved.state, network.state_dict())
    assert torch.equal(
        saved.memories["0.weight"][0], optimizer.state[network[0].weight]["momentum_buffer"]
    )


def test_a_checkpoint_of_a_run_with_adamw_is_read_with_both_of_its_memories(tmp_path):
    network = make_network()
    optimizer = AdamW(network.parameters(), 0.1)
    take_step(network, optimizer)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(
        path, network, optimizer, step=Step(1, 1), history=History(), identity="x",
        average=MovingAverage(network, 0.9),
    )  # fmt: skip
    saved = read_weights(path)
    assert same(saved.state, network.state_dict())
    state = optimizer.state[network[0].weight]
    for memory, word in zip(saved.memories["0.weight"], ("exp_avg", "exp_avg_sq"), strict=True):
        assert torch.equal(memory, state[word])


def test_a_network_pruned_by_torch_is_read_with_its_mask(tmp_path):
    network = make_network()
    torch_prune.global_unstructured(
        [(network[0], "weight"), (network[3], "weight")], torch_prune.L1Unstructured, amount=0.5
    )
    torch.save({"model": network.state_dict()}, tmp_path / "net.pt")
    saved = read_weights(tmp_path / "net.pt")
    assert saved.mask.keep == 0.5
    assert torch.equal(saved.state["0.weight"], network[0].weight)
    saved.mask.save(tmp_path / "another.safetensors")
    with pytest.raises(ConfigError, match=r"net.pt holds a mask of its own: leave out --mask"):
        read_weights(tmp_path / "net.pt", tmp_path / "another.safetensors")


def test_zeros_alone_are_no_mask(tmp_path, pruned):
    torch.save(pruned[0].state_dict(), tmp_path / "net.pt")
    assert read_weights(tmp_path / "net.pt").mask is None


def test_names_follow_the_network_they_are_meant_for(tmp_path, pruned):
    network, mask = pruned
    torch.save(
        {f"model.{name}": tensor for name, tensor in network.state_dict().items()},
        tmp_path / "model_ep2_it0.pth",
    )
    torch.save({f"model.{name}": kept.int() for name, kept in mask.items()}, tmp_path / "mask.pth")
    saved = read_weights(tmp_path / "model_ep2_it0.pth")
    assert same(saved.named_as_in(saved.state).state, saved.state)
    renamed = saved.named_as_in(network.state_dict())
    assert same(renamed.state, network.state_dict())
    assert same(renamed.mask, mask)


@pytest.mark.parametrize("before", ["", "module.", "module._orig_mod.", "model."])
@pytest.mark.parametrize("mask_before", ["", "module.", "model."])
def test_a_mask_beside_finds_its_weights_whatever_is_before_the_names_of_either(
    tmp_path, pruned, before, mask_before
):
    network, mask = pruned
    path = tmp_path / "net.pth"
    torch.save({before + name: tensor for name, tensor in network.state_dict().items()}, path)
    torch.save({mask_before + name: kept.int() for name, kept in mask.items()}, tmp_path / "m.pth")
    saved = read_weights(path, tmp_path / "m.pth").named_as_in(network.state_dict())
    assert same(saved.mask, mask)


def test_files_that_do_not_belong_together_are_refused_by_name(tmp_path, pruned):
    network, _ = pruned
    path, mask = tmp_path / "net.safetensors", tmp_path / "net.mask.safetensors"
    save_tensors(path, network.state_dict())
    Mask({"0.weight": torch.ones(4, 3) > 0}).save(mask)
    with pytest.raises(
        DataError, match=r"net.mask.safetensors does not fit .*0.weight is \(4, 3\)"
    ):
        read_weights(path)
    with pytest.raises(DataError, match=r"the mask .*absent does not exist"):
        read_weights(path, tmp_path / "absent")
    torch.save({"0.weight": torch.full((4, 3, 3, 3), 0.5)}, tmp_path / "soft.pth")
    with pytest.raises(DataError, match=r"soft.pth is not a mask: 0.weight holds values"):
        read_weights(path, tmp_path / "soft.pth")
    with pytest.raises(DataError, match=r"has none of weights.safetensors, model.safetensors"):
        read_weights(tmp_path)
