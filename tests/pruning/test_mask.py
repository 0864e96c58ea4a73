"""Are pruned weights counted, kept on disk, and kept at zero?"""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from by_magnitude import prune_by_magnitude
from prunescope.base.errors import DataError
from prunescope.base.tensors import save_tensors
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prunable import prunable_names


def make_network() -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(20, 3)
        )


def half_of(network: nn.Module) -> Mask:
    mask = Mask.ones(network, prunable_names(network, "all"))
    return prune_by_magnitude(network.state_dict(), mask, 0.5)


def take_step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    images = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    optimizer.zero_grad()
    network(images).square().sum().backward()
    optimizer.step()


def is_plus_zero(tensor: torch.Tensor) -> bool:
    return bool((tensor == 0).all()) and not bool(tensor.signbit().any())


def test_counts_are_counted():
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))  # 6 + 2 weights, 3 biases
    mask = Mask({"0.weight": torch.ones(2, 3) > 0, "1.weight": torch.tensor([[True, False]])})
    assert (mask.size, mask.survivors, mask.keep) == (8, 7, 7 / 8)
    assert mask.keep_overall(network) == 10 / 11
    assert repr(mask) == "Mask(7 of 8 weights survive in 2 tensors)"


def test_a_mask_is_saved_as_booleans_and_comes_back_in_its_order(tmp_path: Path):
    mask = half_of(make_network())
    mask.save(tmp_path / "mask.safetensors")
    loaded = Mask.load(tmp_path / "mask.safetensors")
    assert list(loaded) == list(mask) == ["0.weight", "4.weight"]
    assert all(torch.equal(loaded[name], mask[name]) for name in mask)


def test_a_file_that_is_no_mask_is_refused(tmp_path: Path):
    path = tmp_path / "mask.safetensors"
    save_tensors(path, {"w": torch.ones(2)})
    with pytest.raises(DataError, match=r"mask.safetensors is not a mask: w is torch.float32"):
        Mask.load(path)
    save_tensors(path, {})
    with pytest.raises(DataError, match="holds no tensor"):
        Mask.load(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(DataError, match=r"mask.safetensors is not a whole"):
        Mask.load(path)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"0.weight": torch.ones(5, 3, 3, 3) > 0, "9.weight": torch.ones(1) > 0}, "no 9.weight"),
        ({"0.weight": torch.ones(3, 3, 3) > 0}, r"0.weight is \(3, 3, 3\), but \(5, 3, 3, 3\)"),
    ],
)
def test_a_mask_of_another_network_is_refused(tensors, words):
    with pytest.raises(DataError, match=words):
        MaskKeeper(make_network(), Mask(tensors))


def test_a_revived_weight_is_named():
    network = make_network()
    mask = half_of(network)
    assert mask.revived(network.state_dict()) == ["0.weight", "4.weight"]
    MaskKeeper(network, mask)
    assert mask.revived(network.state_dict()) == []
    network[4].weight.data[~mask["4.weight"]] = float("nan")
    assert mask.revived(network.state_dict()) == ["4.weight"]


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_pruned_weights_and_momentum_are_zero_after_every_step(foreach, nesterov, channels_last):
    network = make_network()
    mask = half_of(network)
    keeper = MaskKeeper(network, mask)
    if channels_last:  # training lays the weights out after the keeper was made
        network = network.to(memory_format=torch.channels_last)
    optimizer = SGD(
        network.parameters(), 0.1, 0.9, nesterov=nesterov, weight_decay=0.1, foreach=foreach
    )
    keeper(optimizer)
    for _ in range(4):
        take_step(network, optimizer)
        assert mask.revived(network.state_dict()), "without the keeper they come back"
        keeper(optimizer)
        for name, parameter in network.named_parameters():
            if name in mask:
                gone = ~mask[name]
                assert is_plus_zero(parameter[gone])
                assert is_plus_zero(optimizer.state[parameter]["momentum_buffer"][gone])


def test_survivors_and_other_parameters_go_their_own_way_bit_for_bit():
    """Every weight here moves by its own gradient alone, so pruning some leaves the others."""
    free, masked = (nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)) for _ in range(2))
    kept = torch.arange(12).reshape(3, 4) % 3 > 0
    network = nn.Module()
    network.weight = masked
    keeper = MaskKeeper(network, Mask({"weight": kept}))
    optimizers = [
        SGD([weight], 1e-3, 0.9, nesterov=True, weight_decay=0.01) for weight in (free, masked)
    ]
    for _ in range(5):
        for weight, optimizer in zip((free, masked), optimizers, strict=True):
            optimizer.zero_grad()
            (weight - 3).pow(4).sum().backward()
            optimizer.step()
        keeper(optimizers[1])
    assert torch.equal(masked[kept], free[kept])
    assert bool(free.isfinite().all())
    assert is_plus_zero(masked[~kept])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_minus_zero_infinity_and_nan_are_zeroed_in_every_precision(dtype):
    network = nn.Linear(4, 1, bias=False).to(dtype)
    network.weight.data = torch.tensor([[-0.0, float("nan"), float("-inf"), -2.0]], dtype=dtype)
    MaskKeeper(network, Mask({"weight": torch.tensor([[False, False, False, True]])}))
    assert is_plus_zero(network.weight[0, :3])
    assert network.weight[0, 3] == -2


def test_all_that_an_optimizer_remembers_of_a_pruned_weight_is_zeroed():
    network = make_network()
    mask = half_of(network)
    keeper, optimizer = MaskKeeper(network, mask), Adam(network.parameters())
    take_step(network, optimizer)
    keeper(optimizer)
    state = optimizer.state[network[0].weight]
    assert is_plus_zero(state["exp_avg"][~mask["0.weight"]])
    assert is_plus_zero(state["exp_avg_sq"][~mask["0.weight"]])
    assert state["step"] == 1


@pytest.mark.parametrize("weights", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("memories", [torch.bfloat16, torch.float32, torch.float64])
def test_memory_of_another_precision_than_the_weights_is_zeroed_too(weights, memories):
    """Some optimizers remember bf16 weights in float32."""
    network = make_network().to(weights)
    mask, optimizer = half_of(network), SGD(network.parameters(), 0.1, 0.9)
    first = network[0].weight
    memory = torch.randn(first.shape).to(memories)
    optimizer.state[first]["momentum_buffer"] = memory.clone()
    MaskKeeper(network, mask)(optimizer)
    kept, found = mask["0.weight"], optimizer.state[first]["momentum_buffer"]
    assert is_plus_zero(found[~kept])
    assert torch.equal(found[kept], memory[kept])


def test_a_mask_of_ones_changes_no_bit():
    network = make_network()
    network[0].weight.data[0] = -0.0
    before = network[0].weight.detach().clone()
    MaskKeeper(network, Mask.ones(network, ("0.weight",)))()
    assert torch.equal(network[0].weight.view(torch.int32), before.view(torch.int32))
