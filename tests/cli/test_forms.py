"""Does every command open every form of a file of weights, and see the same network in it?"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils import prune as torch_prune

from commands import Prunescope
from networks.reading.forms import WRAPPED, Times, write_hub_folder, write_shards
from prunescope.networks.registry import build

NAME = "cifar_resnet20,width=0.25"
WEIGHTS = ("--num-classes", 10)


def network() -> nn.Module:
    return build(NAME, num_classes=10, seed=0).eval()


def _layers(live: nn.Module) -> list[nn.Module]:
    return [module for module in live.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def pruned() -> nn.Module:
    live = network()
    pairs = [(layer, "weight") for layer in _layers(live)]
    torch_prune.global_unstructured(pairs, torch_prune.L1Unstructured, amount=0.5)
    return live


def plain(live: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict of a pruned network, zeros and no mask."""
    for layer in _layers(live):
        torch_prune.remove(layer, "weight")
    return dict(live.state_dict())


def _parametrized() -> dict[str, torch.Tensor]:
    live, masks = network(), pruned()
    for layer, masked in zip(_layers(live), _layers(masks), strict=True):
        parametrize.register_parametrization(layer, "weight", Times(masked.weight_mask.clone()))
    return dict(live.state_dict())


def _saved(content: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        with warnings.catch_warnings(action="ignore"):  # that compressed tensors are new
            torch.save(content(), folder / "net.pth")
        return folder / "net.pth"

    return write


FORMS: dict[str, Callable[[Path], Path]] = {
    "torch masks": _saved(lambda: pruned().state_dict()),
    "torch masks, wrapped and named": _saved(
        lambda: {
            "state_dict": {f"module._orig_mod.{k}": v for k, v in pruned().state_dict().items()}
        }
    ),
    "parametrized": _saved(_parametrized),
    "hub folder": lambda folder: write_hub_folder(folder / "hub", plain(pruned()), {}),
    "shards": lambda folder: write_shards(folder / "shards", plain(pruned())).parent,
    "an index": lambda folder: write_shards(folder / "shards", plain(pruned()), form="bin"),
    **{
        name: _saved(lambda name=name: WRAPPED[name](plain(pruned())))
        for name in ("Lightning", "net", "FSDP inside", "sparse COO", "float64", "beside arguments")
    },
}


@pytest.fixture(scope="module")
def zeros(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network in its plainest form."""
    return _saved(lambda: plain(pruned()))(tmp_path_factory.mktemp("plain"))


def printed(prunescope: Prunescope, *words: object) -> dict[str, Any]:
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    values: dict[str, Any] = json.loads(ended.out.splitlines()[-1])
    return values


def measured(prunescope: Prunescope, file: Path, drawn: Path, folder: Path) -> dict[str, Any]:
    """Return what evaluate, audit and prune say of a file, and the bytes that prune writes."""
    named, data = (NAME, "--weights", file, *WEIGHTS), ("--data", drawn / "images")
    audited = printed(prunescope, "audit", file, "--network", NAME, *WEIGHTS)
    printed(prunescope, "prune", *named, "--keep", 0.3, "--out", folder / "small.safetensors")
    counts = ("nonzero", "weights", "parameters", "dead_filters", "sparse_multiply_adds")
    written = ("small.safetensors", "small.mask.safetensors")
    return {
        "evaluate": printed(prunescope, "evaluate", *named, *data, "--split", "val"),
        "audit": {count: audited[count] for count in counts},
        "prune": [(folder / name).read_bytes() for name in written],
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    """What the commands say of the plainest form, once they have been asked."""
    return {}


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_evaluate_prune_and_audit_see_one_network_in_every_form(
    prunescope: Prunescope,
    drawn: Path,
    zeros: Path,
    expected: dict[str, Any],
    tmp_path: Path,
    form: str,
) -> None:
    if not expected:
        expected |= measured(prunescope, zeros, drawn, zeros.parent)
    assert measured(prunescope, FORMS[form](tmp_path), drawn, tmp_path) == expected


@pytest.mark.long
@pytest.mark.parametrize("form", ["torch masks", "hub folder", "an index"])
def test_dissect_conventions_and_compare_do_too(
    prunescope: Prunescope, drawn: Path, zeros: Path, tmp_path: Path, form: str
) -> None:
    path = FORMS[form](tmp_path)
    shown = ("--layer", "layer3", "--concepts", f"broden:{drawn}", "--quantile", 0.02)
    two = ("--convention", "exact", "--convention", "quick")
    for command, options in (("dissect", ()), ("conventions", two)):
        found = [
            printed(prunescope, command, NAME, "--weights", file, *WEIGHTS, *shown, *options)
            for file in (path, zeros)
        ]
        assert found[0] == found[1]
    named = ("--network", NAME, *WEIGHTS)
    compared = printed(prunescope, "compare", path, zeros, *named, *shown)
    assert compared["units"]["lost"] == compared["units"]["gained"] == 0


@pytest.mark.long
def test_a_key_chooses_on_every_command(
    prunescope: Prunescope, drawn: Path, zeros: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ema.pth"
    torch.save({"model": network().state_dict(), "model_ema": plain(pruned())}, path)
    words = ("--weights", path, *WEIGHTS, "--key", "model_ema")
    data = ("--data", drawn / "images", "--split", "val")
    assert printed(prunescope, "evaluate", NAME, *words, *data) == printed(
        prunescope, "evaluate", NAME, "--weights", zeros, *WEIGHTS, *data
    )
    shown = ("--layer", "layer3", "--concepts", f"broden:{drawn}", "--quantile", 0.02)
    found = printed(prunescope, "dissect", NAME, *words, *shown)
    assert found == printed(prunescope, "dissect", NAME, "--weights", zeros, *WEIGHTS, *shown)
    printed(prunescope, "conventions", NAME, *words, *shown)
    nonzero = printed(prunescope, "audit", zeros)["nonzero"]
    assert printed(prunescope, "audit", path, "--key", "model_ema")["nonzero"] == nonzero
    assert printed(prunescope, "audit", path, "--key", "model")["nonzero"] > nonzero
    out = tmp_path / "small.safetensors"
    small = printed(prunescope, "prune", NAME, *words, "--keep", 0.3, "--out", out)
    assert small["unmarked_zeros"] > 0
    named = ("--network", NAME, *WEIGHTS, *shown)
    same = printed(prunescope, "compare", path, zeros, *named, "--key", "model_ema,")
    assert same["units"]["lost"] == same["units"]["gained"] == 0
    alike = printed(prunescope, "compare", path, path, *named, "--key", "model_ema")
    other = printed(prunescope, "compare", path, path, *named, "--key", "model,model_ema")
    assert alike["units"] == same["units"]
    assert other["units"] != alike["units"]


def test_prune_warns_of_zeros_that_no_mask_marks_with_their_number(
    prunescope: Prunescope, zeros: Path, tmp_path: Path
) -> None:
    state = torch.load(zeros)
    count = sum(int((tensor == 0).sum()) for tensor in state.values() if tensor.dim() > 1)
    words = ("prune", NAME, "--weights", zeros, *WEIGHTS, "--keep", 0.3)
    ended = prunescope(*words, "--out", tmp_path / "a.safetensors")
    assert f"warning: {count:,} of the 16,972 prunable weights are zero, but no mask" in ended.err
    assert "--infer-mask" in ended.err
    ended = prunescope(*words, "--infer-mask", "--out", tmp_path / "b.safetensors")
    assert (ended.status, ended.err) == (0, "")


def test_evaluate_takes_zeros_as_they_are(prunescope: Prunescope, zeros: Path, drawn: Path) -> None:
    words = ("--weights", zeros, *WEIGHTS, "--data", drawn / "images", "--split", "val")
    assert "zero" not in prunescope("evaluate", NAME, *words).err
