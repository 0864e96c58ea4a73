"""Does a name, with a file or as a level's folder, open the network it means?"""

import json

import pytest
import torch

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import save_tensors
from prunescope.imaging.network_input import NetworkInput
from prunescope.networks.description import Description, read_description
from prunescope.networks.loading import load_network
from prunescope.networks.registry import build, network_input

DESCRIPTION = {
    "name": "cifar_resnet20,width=0.25",
    "num_classes": 4,
    "mean": [0.1, 0.2, 0.3],
    "std": [0.4, 0.5, 0.6],
    "resolution": 64,
}


@pytest.fixture
def write_level(tmp_path):
    """Write a level's weights with a description of their network."""

    def write(description):
        folder = tmp_path / "level-01"
        folder.mkdir()
        state = build(DESCRIPTION["name"], num_classes=4, seed=5).state_dict()
        metadata = {} if description is None else {"network": json.dumps(description)}
        save_tensors(folder / "weights.safetensors", state, metadata)
        return folder

    return write


def test_without_weights_the_network_is_random_the_same_every_time_and_in_evaluation_mode():
    one, other = (load_network("cifar_resnet20", num_classes=4) for _ in range(2))
    assert torch.equal(one.module.conv1.weight, other.module.conv1.weight)
    assert not one.module.training
    assert (one.name, one.num_classes) == ("cifar_resnet20", 4)
    assert one.input == network_input("cifar_resnet20")


def test_weights_from_a_file_are_in_the_network(tmp_path):
    state = build("cifar_resnet20", num_classes=4, seed=9).state_dict()
    torch.save({"state_dict": state}, tmp_path / "net.th")
    loaded = load_network("cifar_resnet20", weights=tmp_path / "net.th", num_classes=4)
    assert all(torch.equal(v, state[k]) for k, v in loaded.module.state_dict().items())


def test_a_levels_folder_knows_its_network(write_level):
    folder = write_level(DESCRIPTION)
    loaded = load_network(str(folder), num_classes=4)
    expected = build(DESCRIPTION["name"], num_classes=4, seed=5).state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in loaded.module.state_dict().items())
    assert (loaded.name, loaded.num_classes) == (DESCRIPTION["name"], 4)
    assert loaded.input == NetworkInput(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), resolution=64)
    assert not loaded.module.training


def test_a_level_takes_neither_other_weights_nor_another_number_of_classes(write_level):
    folder = write_level(DESCRIPTION)
    with pytest.raises(ConfigError, match="leave out --weights"):
        load_network(str(folder), weights=folder / "weights.safetensors")
    with pytest.raises(ConfigError, match="has 4 classes, not 5"):
        load_network(str(folder), num_classes=5)


def test_a_level_that_does_not_say_its_network_is_named(write_level):
    with pytest.raises(DataError, match=r"weights\.safetensors does not say which network"):
        load_network(str(write_level(None)))


@pytest.mark.parametrize(
    "description",
    [
        {"name": "cifar_resnet20"},
        [1],
        7,
        {**DESCRIPTION, "name": 7},
        {**DESCRIPTION, "name": "cifar_resnet20" + ",width=1" * 100},
        {**DESCRIPTION, "name": "no network"},
        *({**DESCRIPTION, "resolution": value} for value in ("x", -1, 0, 1e9, 2**40, True, None)),
        *({**DESCRIPTION, "num_classes": value} for value in ("4", 0, -4, 4.0, 10**12, [4], True)),
        *({**DESCRIPTION, "mean": value} for value in ([0.1], ["a"] * 3, [float("nan")] * 3, {})),
        *({**DESCRIPTION, "mean": value} for value in ("555", [True] * 3, ["0.5"] * 3, [127] * 3)),
        *({**DESCRIPTION, "std": value} for value in ("111", [True] * 3, [60] * 3)),
        *(
            {**DESCRIPTION, "std": value}
            for value in ([0.1], [0] * 3, [-1, 1, 1], [1, 1, float("inf")])
        ),
    ],
)
def test_a_level_that_describes_its_network_badly_is_damaged(write_level, description):
    with pytest.raises(DataError, match=r"weights\.safetensors .*damaged") as refused:
        load_network(str(write_level(description)))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 2000


def test_a_folder_that_is_no_level_is_named(tmp_path):
    with pytest.raises(DataError, match="is not a level of a run"):
        load_network(str(tmp_path))


def test_a_folder_named_like_a_network_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "cifar_resnet20").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_network("cifar_resnet20").name == "cifar_resnet20"


@pytest.mark.real
def test_the_published_cifar_network_fits_key_for_key(shared):
    path = shared / "models" / "cifar10_resnet20_foreign.th"
    loaded = load_network("cifar_resnet20", weights=path, num_classes=10)
    stored = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    own = loaded.module.state_dict()
    for key, tensor in stored.items():
        assert torch.equal(own[key.removeprefix("module.")], tensor)
    assert len([key for key in own if not key.endswith("num_batches_tracked")]) == len(stored)


@pytest.mark.real
def test_the_tiny_imagenet_network_fits_with_200_classes_and_asks_for_them_without(shared):
    path = shared / "models" / "resnet18_tinyimagenet.pth"
    loaded = load_network("torchvision:resnet18", weights=path, num_classes=200)
    assert loaded.module.fc.weight.dtype == torch.float32
    assert loaded.module(torch.zeros(1, 3, 64, 64)).shape == (1, 200)
    with pytest.raises(DataError, match=r"pass --num-classes 200$"):
        load_network("torchvision:resnet18", weights=path)


def test_a_file_that_says_its_network_opens_by_itself(write_level, tmp_path):
    path = tmp_path / "pruned.safetensors"
    (write_level(DESCRIPTION) / "weights.safetensors").rename(path)
    loaded = load_network(str(path))
    expected = build(DESCRIPTION["name"], num_classes=4, seed=5).state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in loaded.module.state_dict().items())
    assert (loaded.name, loaded.input.resolution) == (DESCRIPTION["name"], 64)
    with pytest.raises(ConfigError, match="leave out --weights"):
        load_network(str(path), weights=path)
    with pytest.raises(DataError, match=r"absent.safetensors does not exist"):
        load_network(str(tmp_path / "absent.safetensors"))


@pytest.mark.parametrize(
    "expected", [None, NetworkInput(mean=(0, 0.5, 1), std=(1, 0.5, 0.25), resolution=9)]
)
def test_a_description_is_read_as_it_was_written(tmp_path, expected):
    described = Description(name="cifar_resnet20", num_classes=None, input=expected)
    save_tensors(tmp_path / "net.safetensors", {}, described.as_metadata())
    assert read_description(tmp_path / "net.safetensors") == described
