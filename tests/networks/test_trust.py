"""Does a name that was read from a file ever lead to code?"""

import json
import sys
from pathlib import Path

import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.base.tensors import save_tensors
from prunescope.imaging.network_input import NetworkInput
from prunescope.networks.description import Description
from prunescope.networks.loading import describe_network, load_network
from prunescope.networks.names import factory_source
from prunescope.networks.registry import build
from prunescope.networks.trust import NamesCode, trusted_name

LIBRARY = (
    "torchvision:resnet18",
    "torchvision:resnet18,stem=small",
    "timm:test_resnet",
    "timm:vit_tiny_patch16_224,img_size=64,drop_rate=0.1,qkv_bias=False,global_pool=avg",
    "cifar_resnet20,width=0.25",
)
CODE = (
    "os:system,command=touch marker",
    "factories:grey",
    "torchvision.models:resnet18",
    "timm.models:create_model,model_name=resnet18",
    "builtins:exec",
    "subprocess:call,args=ls",
)
READING = (
    "timm:test_resnet,pretrained=True",
    "timm:test_resnet,pretrained_cfg=x",
    "timm:test_resnet,pretrained_cfg_overlay={'file':'x'}",
    "timm:test_resnet,checkpoint_path=evil.pth",
    "timm:test_resnet,cache_dir=/tmp",
    "timm:vit_tiny_patch16_224,img_size=1000000000",
    "timm:test_resnet,drop_rate=1e999",
    "timm:test_resnet,act_layer=../../x",
    f"timm:test_resnet,act_layer={'a' * 100}",
    f"cifar_resnet20,width={'(' * 200}",
)
SEEN = NetworkInput(mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2), resolution=16)


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A factory in the current directory, which leaves a file there when it is called."""
    source = (
        "import pathlib\nfrom prunescope.networks.cifar_resnet import CifarResNet\n"
        "pathlib.Path('imported').touch()\n"
        "def net(num_classes=10):\n    pathlib.Path('called').touch()\n"
        "    return CifarResNet(20, num_classes=num_classes, width=0.25)\n"
    )
    (tmp_path / "trust_factory.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "trust_factory", raising=False)
    return "trust_factory:net"


def described_file(path: Path, name: str, classes: int = 3) -> Path:
    state = build("cifar_resnet20,width=0.25", num_classes=3, seed=1).state_dict()
    described = Description(name=name, num_classes=classes, input=SEEN)
    save_tensors(path, state, described.as_metadata())
    return path


@pytest.mark.parametrize("name", LIBRARY)
def test_a_file_may_select_a_network_of_a_library(name: str) -> None:
    assert trusted_name(name, Path("x")) == name


@pytest.mark.parametrize("name", CODE + READING)
def test_a_file_may_select_nothing_else(name: str) -> None:
    with pytest.raises(NamesCode, match="--weights"):
        trusted_name(name, Path("x.safetensors"))
    assert trusted_name(name, Path("x.safetensors"), typed=name) == name


@pytest.mark.parametrize("name", ["", ":", "a:", "x" * 301, "cifar_resnet21", "resnet18", "a:b,c"])
def test_what_is_no_name_is_damage(name: str) -> None:
    with pytest.raises(DataError, match=r"damaged|names no network"):
        trusted_name(name, Path("x"))


def test_the_factory_that_a_file_names_is_neither_called_nor_imported(
    factory: str, tmp_path: Path
) -> None:
    path = described_file(tmp_path / "small.safetensors", factory)
    with pytest.raises(NamesCode, match=rf'"{factory}", which is code.*load\("{factory}"'):
        load_network(str(path))
    assert not (tmp_path / "imported").exists()


def test_a_hub_folder_that_asks_for_other_files_is_named_itself(tmp_path: Path) -> None:
    config = {"architecture": "resnet18", "model_args": {"hf_hub_id": 3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(NamesCode, match=rf"whose option hf_hub_id .*--weights {tmp_path} "):
        load_network(str(tmp_path))


def test_the_factory_that_the_user_names_is_called_and_knows_its_input(
    factory: str, tmp_path: Path
) -> None:
    path = described_file(tmp_path / "small.safetensors", factory)
    loaded = load_network(factory, weights=path)
    assert (tmp_path / "called").exists()
    assert (loaded.name, loaded.num_classes, loaded.input) == (factory, 3, SEEN)


def test_a_typed_name_takes_nothing_from_a_file_that_names_another_network(tmp_path: Path) -> None:
    path = described_file(tmp_path / "small.safetensors", "os:system")
    described = describe_network("cifar_resnet20,width=0.25", weights=path, num_classes=3)
    assert described.input != SEEN


def test_a_factorys_file_is_found_without_running_the_packages_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "trust_package"
    package.mkdir()
    (package / "__init__.py").write_text("import pathlib; pathlib.Path('ran').touch()")
    (package / "nets.py").write_text("import pathlib; pathlib.Path('ran').touch()")
    monkeypatch.chdir(tmp_path)
    assert factory_source("trust_package.nets:net") == package / "nets.py"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "classes"),
    [("cifar_resnet110,width=64", 3), ("cifar_resnet20,width=0.25", 1 << 20),
     ("timm:vit_tiny_patch16_224,embed_dim=49152", 3)],
)  # fmt: skip
def test_a_file_cannot_ask_for_a_network_far_larger_than_itself(
    tmp_path: Path, name: str, classes: int
) -> None:
    path = described_file(tmp_path / "small.safetensors", name, classes)
    with pytest.raises(DataError, match=r"far larger|does not fit"):
        load_network(str(path))
    assert torch.get_default_dtype() == torch.float32
