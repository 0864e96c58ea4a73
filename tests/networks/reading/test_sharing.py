"""Do weights that modules share load, whether a file holds them once or under each name?"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_model
from torch import nn

from prunescope.base.errors import DataError
from prunescope.networks.weights import load_weights
from prunescope.pruning.audit import audit_weights
from prunescope.pruning.saved import read_weights


def tied(seed: int = 0) -> nn.Module:
    """Return a network whose last layer, named before the first, has the first one's weights."""
    torch.manual_seed(seed)
    network = nn.ModuleDict({"z": nn.Linear(6, 6), "mid": nn.Linear(6, 6), "a": nn.Linear(6, 6)})
    network["a"].weight = network["z"].weight
    return network


@pytest.mark.parametrize("before", ["", "model.", "module._orig_mod."])
def test_a_shared_weight_that_a_file_holds_once_loads_under_all_its_names(
    tmp_path: Path, before: str
) -> None:
    network, other, path = tied(1), tied(2), tmp_path / "net.safetensors"
    save_model(network, str(path))
    stored = load_file(path)
    assert "a.weight" in stored
    assert "z.weight" not in stored
    torch.save({before + name: tensor for name, tensor in stored.items()}, tmp_path / "net.pth")
    load_weights(other, tmp_path / "net.pth")
    assert torch.equal(other["z"].weight, network["z"].weight)
    assert other["a"].weight is other["z"].weight
    saved = read_weights(tmp_path / "net.pth")
    assert audit_weights(saved, other).as_dict()["parameters"] == 2 * 36 + 18


def test_the_mask_of_a_shared_weight_holds_under_all_its_names(tmp_path: Path) -> None:
    network = tied(1)
    state = {name: tensor for name, tensor in network.state_dict().items() if name != "a.weight"}
    state["z.weight_orig"] = state.pop("z.weight")
    state["z.weight_mask"] = (torch.arange(36).reshape(6, 6) % 2).float()
    torch.save(state, tmp_path / "net.pth")
    load_weights(network, tmp_path / "net.pth")
    assert int((network["a"].weight == 0).sum()) == 18


def test_two_values_of_one_shared_weight_are_refused(tmp_path: Path) -> None:
    network, path = tied(1), tmp_path / "net.pth"
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state["a.weight"] += 1
    torch.save(state, path)
    with pytest.raises(DataError, match=r"names z\.weight and a\.weight, but .* two different"):
        load_weights(network, path)
