"""Is the right network taken where a file may hold several, and never one without a word?"""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from networks.reading.forms import small
from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.reading.choice import choose_network
from prunescope.networks.weights import load_weights

State = dict[str, Tensor]


def other() -> State:
    return {name: tensor + 1 for name, tensor in small().state_dict().items()}


def plain() -> State:
    return dict(small().state_dict())


def below(name: str, state: State) -> State:
    return {f"{name}.{key}": tensor for key, tensor in state.items()}


TWO: dict[str, tuple[Any, str, str]] = {
    "timm": ({"state_dict": plain(), "state_dict_ema": other()}, "state_dict", "state_dict_ema"),
    "torchvision": (
        {"model": plain(), "model_ema": below("module", other()) | {"n_averaged": torch.tensor(3)}},
        "model",
        "model_ema",
    ),
    "a nest": ({"epoch": 1, "nets": {"a": plain(), "b": other()}}, "nets.a", "nets.b"),
    "generator": ({"generator": plain(), "discriminator": other()}, "generator", "discriminator"),
    "teacher": ({"student": plain(), "teacher": other()}, "student", "teacher"),
    "of two kinds": ({"model": plain(), "head": {"weight": torch.ones(2, 2)}}, "model", "head"),
    "flat": (below("student", plain()) | below("teacher", other()), "student", "teacher"),
    "flat, wrapped": (
        {"state_dict": below("module.model", plain()) | below("module.model_ema", other())},
        "model",
        "model_ema",
    ),
    "flat, by full key": (
        {"state_dict": below("model", plain()) | below("ema_model", other())},
        "state_dict.model",
        "state_dict.ema_model",
    ),
    "flat, named by nobody": (below("left", plain()) | below("right", other()), "left", "right"),
}


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("form", TWO)
def test_two_networks_in_a_file_are_asked_back_and_each_can_be_chosen(
    tmp_path: Path, form: str
) -> None:
    content, first, second = TWO[form]
    path = save(tmp_path / "net.pth", content)
    with pytest.raises(DataError, match=r"holds 2 .*--key") as raised:
        load_weights(small(), path)
    for key in (first, second):
        assert key.rpartition(".")[2] in str(raised.value)
    network = small()
    load_weights(network, path, first)
    assert torch.equal(network[0].weight, small()[0].weight)
    if form != "of two kinds":
        load_weights(network, path, second)
        assert torch.equal(network[0].weight, small()[0].weight + 1)


def test_safetensors_of_two_networks_are_asked_back_too(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(below("student", plain()) | below("teacher", other()), path)
    with pytest.raises(DataError, match=r"student \(13 tensors, [\d,]+ values\), teacher"):
        load_weights(small(), path)
    network = small()
    load_weights(network, path, "teacher")
    assert torch.equal(network[0].weight, small()[0].weight + 1)


def test_the_same_network_twice_is_one() -> None:
    content = {"model": plain(), "state_dict": plain()}
    assert choose_network(content, "here", None).keys() == plain().keys()


def test_what_is_no_network_is_passed_over() -> None:
    network = small()
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    content = {
        "model": plain(),
        "optimizer": optimizer.state_dict(),
        "optimizer_fqn": {"state": {"0.weight": {"exp_avg": torch.ones(2, 2)}}, "param_groups": []},
        "lr_scheduler": {"weights": torch.ones(2, 2)},
        "criterion": {"weight": torch.ones(4, 4)},
        "mean": torch.ones(3, 1, 1),
        "metrics": {"loss": torch.tensor(1.0)},
        "rng_state": torch.ones(3),
        "epoch": 3,
    }
    assert choose_network(content, "here", None).keys() == plain().keys()


def test_a_network_beside_other_tensors_is_found_by_its_key(tmp_path: Path) -> None:
    path = save(tmp_path / "n.ckpt", {"state_dict": below("net", plain()) | {"w": torch.ones(4)}})
    with pytest.raises(DataError, match=r"below net, and other tensors beside it: --key net"):
        load_weights(small(), path)
    load_weights(small(), path, "net")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("state_dict_em", r'no network "state_dict_em" \(did you mean "state_dict_ema"\?\)'),
        ("epoch", 'no network "epoch": it holds state_dict'),
        ("", 'no network "": it holds'),
        ("state_dict.9", 'no network "state_dict.9"'),
        ("state_dict.", 'no network "state_dict."'),
    ],
)
def test_a_key_that_leads_nowhere_names_those_there_are(
    tmp_path: Path, key: str, said: str
) -> None:
    content = {"state_dict": plain(), "state_dict_ema": other(), "epoch": 3}
    with pytest.raises(ConfigError, match=said):
        load_weights(small(), save(tmp_path / "net.pth", content), key)


def test_a_key_is_allowed_where_there_is_one_network_and_refused_where_it_has_no_name(
    tmp_path: Path,
) -> None:
    load_weights(small(), save(tmp_path / "net.pth", {"model": plain()}), "model")
    with pytest.raises(ConfigError, match="leave out --key"):
        load_weights(small(), save(tmp_path / "flat.pth", plain()), "model")


def test_layers_alike_are_no_networks(tmp_path: Path) -> None:
    twins = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("a", "b", "left", "right")})
    path = save(tmp_path / "net.pth", twins.state_dict())
    load_weights(nn.ModuleDict({n: nn.Linear(2, 2) for n in ("a", "b", "left", "right")}), path)


def test_two_names_of_one_tensor_are_refused(tmp_path: Path) -> None:
    state = below("_orig_mod", plain()) | {"0.weight": torch.ones(8, 3, 3, 3)}
    with pytest.raises(DataError, match=r"both _orig_mod\.0\.weight and 0\.weight"):
        load_weights(small(), save(tmp_path / "net.pth", state))


def test_a_part_of_the_network_called_module_stays(tmp_path: Path) -> None:
    def make() -> nn.Module:
        return nn.ModuleDict({"module": nn.Linear(2, 2), "head": nn.Linear(2, 2)})

    load_weights(make(), save(tmp_path / "a.pth", make().state_dict()))
    load_weights(make(), save(tmp_path / "b.pth", below("module", dict(make().state_dict()))))
    only = nn.ModuleDict({"module": nn.Linear(2, 2)})
    load_weights(only, save(tmp_path / "c.pth", only.state_dict()))
