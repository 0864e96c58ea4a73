"""Do weights pruned by other tools come in and go out bit for bit?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as torch_prune

from prunescope.base.errors import DataError
from prunescope.networks.reading.effective import Effective, split_openlth
from prunescope.pruning.interchange import (
    as_mask,
    attach_torch_masks,
    detach_torch_masks,
    from_torch,
    masked,
    to_openlth_mask,
    to_torch,
)
from prunescope.pruning.mask import Mask
from prunescope.pruning.prune import prune_module
from prunescope.pruning.settings import PruneSettings

values = st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, float("nan"), -float("inf")]))
dtypes = st.sampled_from([torch.float32, torch.float16, torch.bfloat16, torch.float64])


@st.composite
def pruned_states(draw):
    """A state dict with zeros, its mask, and tensors beside that nothing prunes."""
    shapes = draw(st.lists(st.sampled_from([(2, 3), (4, 1, 2, 2), (1, 5)]), min_size=1, max_size=3))
    dtype = draw(dtypes)
    state, kept = {}, {}
    for number, shape in enumerate(shapes):
        size = torch.Size(shape).numel()
        flat = draw(st.lists(values, min_size=size, max_size=size))
        marks = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        state[f"layer{number}.weight"] = torch.tensor(flat, dtype=dtype).reshape(shape)
        state[f"layer{number}.bias"] = torch.tensor(flat[: shape[0]], dtype=dtype)
        kept[f"layer{number}.weight"] = torch.tensor(marks).reshape(shape)
    state["bn.num_batches_tracked"] = torch.tensor(3)
    return masked(state, Mask(kept)), Mask(kept)


def bits(state):
    return {name: (tensor.dtype, tensor.shape, raw(tensor)) for name, tensor in state.items()}


def raw(tensor):
    return bytes(tensor.contiguous().view(-1).view(torch.uint8).tolist())


def make_network() -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


@given(pruned_states())
@settings(max_examples=100, deadline=None)
def test_to_torch_and_back_gives_the_same_bits_in_the_same_order(world):
    state, mask = world
    back, kept = from_torch(to_torch(state, mask), "here")
    assert list(back) == list(state)
    assert bits(back) == bits(state)
    assert list(kept) == list(mask)
    assert bits(kept) == bits(mask)


@given(pruned_states())
@settings(max_examples=50, deadline=None)
def test_openlth_masks_go_out_and_come_back(world):
    _, mask = world
    form = to_openlth_mask(mask)
    assert {tensor.dtype for tensor in form.values()} == {torch.int32}
    assert bits(as_mask(form, "mask.pth")) == bits(mask)


def test_a_pruned_weight_is_plus_zero_whatever_it_was():
    weight = torch.tensor([[-1.0, float("nan"), float("inf"), -0.0, 2.0]])
    mask = Mask({"w": torch.tensor([[False, False, False, False, True]])})
    assert raw(masked({"w": weight}, mask)["w"]) == raw(torch.tensor([0.0, 0.0, 0.0, 0.0, 2.0]))
    assert weight[0, 0] == -1


def test_a_network_that_torch_pruned_is_read_as_torch_computes_it():
    network = make_network()
    torch_prune.random_unstructured(network[0], "weight", 0.4)
    torch_prune.ln_structured(network[3], "weight", 1, n=1, dim=0)
    state, mask = from_torch(network.state_dict(), "net")
    assert list(mask) == ["0.weight", "3.weight"]
    network(torch.zeros(1, 3, 4, 4))
    assert torch.equal(state["0.weight"], network[0].weight)
    assert torch.equal(state["3.weight"], network[3].weight)
    assert torch.equal(mask["0.weight"], network[0].weight_mask.bool())
    assert state.keys() == make_network().state_dict().keys()


def test_a_network_that_torch_prunes_with_the_mask_loads_ours_and_computes_the_same():
    ours = make_network()
    mask = prune_module(ours, PruneSettings(keep=0.3))
    theirs = make_network()
    for path in ("0", "3"):
        module = theirs.get_submodule(path)
        torch_prune.custom_from_mask(module, "weight", mask[f"{path}.weight"])
    theirs.load_state_dict(to_torch(ours.state_dict(), mask))
    images = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_a_live_network_goes_under_torch_and_comes_out_again():
    network = make_network()
    mask = prune_module(network, PruneSettings(keep=0.3))
    plain = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attach_torch_masks(network, mask)
    assert torch_prune.is_pruned(network)
    network[0].weight_orig.data.fill_(-1)  # as a step of training would
    back = detach_torch_masks(network)
    assert not torch_prune.is_pruned(network)
    assert bits(back) == bits(mask)
    assert sorted(name for name, _ in network.named_parameters()) == sorted(
        ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
    )
    assert raw(network[0].weight) == raw(-mask["0.weight"].float() + 0.0)
    assert raw(network[3].weight) == raw(plain["3.weight"])
    assert detach_torch_masks(network) is None


def test_names_that_only_look_like_torchs_are_left_alone():
    state = {"attention_mask": torch.ones(2), "w_orig": torch.ones(2), "b_mask": torch.ones(2)}
    assert from_torch(state, "here") == (state, None)


def test_what_is_no_mask_is_refused_by_its_name():
    state = {"w_orig": torch.ones(2), "w_mask": torch.tensor([0.5, 1.0])}
    with pytest.raises(DataError, match=r"net.pth is not a mask: w holds values that are neither"):
        from_torch(state, "net.pth")
    with pytest.raises(DataError, match=r"w is \(3,\), but \(2,\) here"):
        from_torch({"w_orig": torch.ones(2), "w_mask": torch.ones(3)}, "net.pth")
    network = make_network()
    torch_prune.l1_unstructured(network[0], "weight", 0.5)
    network[0].weight_mask.fill_(2)
    with pytest.raises(DataError, match=r"Sequential is not a mask: 0.weight"):
        detach_torch_masks(network)
    assert torch_prune.is_pruned(network)


def test_an_openlth_checkpoint_is_split_and_its_revived_weights_left_for_all_to_see():
    """Its masks are buffers of a network around the network, which masks in `forward` alone."""
    state = {
        "mask_blocks___0___conv1___weight": torch.tensor([[1.0, 0.0]]),
        "mask_fc___weight": torch.tensor([[0.0]]),
        "model.blocks.0.conv1.weight": torch.tensor([[3.0, 0.25]]),
        "model.bn.weight": torch.ones(1),
        "model.fc.weight": torch.tensor([[0.0]]),
    }
    effect = split_openlth(Effective(state), "checkpoint.pth")
    plain, mask = effect.state, Mask(effect.masks)
    assert {name: tensor.tolist() for name, tensor in plain.items()} == {
        "blocks.0.conv1.weight": [[3.0, 0.25]],
        "bn.weight": [1.0],
        "fc.weight": [[0.0]],
    }
    assert {name: kept.tolist() for name, kept in mask.items()} == {
        "blocks.0.conv1.weight": [[True, False]],
        "fc.weight": [[False]],
    }
    assert mask.revived(plain) == ["blocks.0.conv1.weight"]


def test_a_state_dict_with_a_mask_of_its_own_is_no_openlth_checkpoint():
    state = {"mask_token": torch.ones(1), "model.w": torch.ones(1)}
    effect = split_openlth(Effective(state), "here")
    assert (effect.state, effect.masks) == (state, {})
