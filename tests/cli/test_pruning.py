"""Do `prune` and `audit` say what they did, and refuse what they cannot do?"""

import json
from pathlib import Path

import pytest
import torch

from commands import Prunescope, check_refused
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.networks.registry import build

NAME = "cifar_resnet20,width=0.25"


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    path = tmp_path / "dense.pth"
    torch.save(build(NAME, num_classes=4, seed=0).state_dict(), path)
    return path


def _prune(dense: Path, out: Path, *words: object) -> list[object]:
    network = ["prune", NAME, "--weights", dense, "--num-classes", 4]
    return [*network, "--out", out, *words]


def test_prune_writes_and_says_the_same_and_the_audit_agrees(
    prunescope: Prunescope, dense: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small.safetensors"
    ended = prunescope(*_prune(dense, out, "--keep", 0.168, "--json"))
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert printed["out"] == str(out)
    assert printed["mask"] == str(tmp_path / "small.mask.safetensors")
    assert printed["survivors"] == round(0.168 * printed["prunable"])
    kept = {name: int(mask.sum()) for name, mask in load_tensors(Path(printed["mask"])).items()}
    assert {name: layer["survivors"] for name, layer in printed["layers"].items()} == kept
    audit = json.loads(prunescope("audit", out, "--json").out.splitlines()[-1])
    for ours, theirs in [
        ("keep", "keep"),
        ("keep_overall", "keep_overall"),
        ("nonzero", "survivors"),
        ("weights", "prunable"),
        ("parameters", "parameters"),
    ]:
        assert audit[ours] == printed[theirs]
    assert (audit["revived"], audit["problems"]) == (0, [])


def test_people_get_tables(prunescope: Prunescope, dense: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.safetensors"
    said = prunescope(*_prune(dense, out, "--keep", 0.5, "--scope", "layerwise")).out
    assert "layer1.0.conv1.weight" in said
    assert "50.00 %" in said
    assert str(out) in said
    assert "multiply-adds for an image of 32 x 32" in prunescope("audit", out).out


def test_an_emptied_layer_is_warned_of(prunescope: Prunescope, dense: Path, tmp_path: Path) -> None:
    words = _prune(dense, tmp_path / "s.safetensors", "--keep", 0.003, "--scope", "layerwise")
    assert "nothing is left of layer1.0.conv1.weight" in prunescope(*words).err


def test_an_audit_that_finds_a_problem_ends_with_2_after_the_table(
    prunescope: Prunescope, dense: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small.safetensors"
    prunescope(*_prune(dense, out, "--keep", 0.5))
    save_tensors(out, {name: tensor + 1 for name, tensor in load_tensors(out).items()})
    ended = prunescope("audit", out, "--json")
    assert ended.status == 2
    assert json.loads(ended.out.splitlines()[-1])["problems"]
    assert "PROBLEM" in prunescope("audit", out).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--keep", "1.5"], ["keep is 1.5", "(0, 1]"]),
        (["--keep", "0"], ["keep is 0.0"]),
        ([], ["dense.pth has no mask", "--keep", "--infer-mask"]),
        (["--keep", "0.5", "--criterion", "magnitud"], ["magnitud", "random"]),
        (["--keep", "0.5", "--scope", "local"], ["local", "layerwise"]),
        (["--keep", "0.5", "--prunable", "convs"], ["convs", "conv+shortcut"]),
        (["--keep", "0.5", "--num-classes", "5"], ["dense.pth", "--num-classes 4"]),
        (["--keep", "0.5", "--mask", "absent"], ["absent", "does not exist"]),
        (["--keep", "0.5", "--format", "torch"], ["small.safetensors", "*.pth"]),
    ],
)
def test_what_prune_cannot_do_is_refused_and_nothing_written(
    prunescope: Prunescope, dense: Path, tmp_path: Path, words: list[str], said: list[str]
) -> None:
    ended = prunescope(*_prune(dense, tmp_path / "small.safetensors", *words))
    check_refused(ended, *said)
    assert [path.name for path in tmp_path.iterdir()] == ["dense.pth"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent.pth"], ["absent.pth", "not exist"]),
        (["{dense}", "--network", "cifar_resnet21"], ["cifar_resnet21", "cifar_resnet20"]),
        (["{dense}", "--network", NAME, "--num-classes", "5"], ["dense.pth", "--num-classes 4"]),
        (["{dense}", "--network", NAME, "--num-classes", "4", "--mask", "no"], ["no", "exist"]),
        (["{folder}"], ["a folder without weights", "weights.safetensors"]),
    ],
)
def test_what_audit_cannot_read_is_refused(
    prunescope: Prunescope, dense: Path, words: list[str], said: list[str]
) -> None:
    filled = [word.format(dense=dense, folder=dense.parent) for word in words]
    ended = prunescope("audit", *filled)
    check_refused(ended, *said)


def test_options_for_a_file_are_refused_for_a_run(prunescope: Prunescope, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("name: x")
    ended = prunescope("audit", tmp_path, "--num-classes", 4)
    check_refused(ended, "leave out --num-classes")


def test_pruned_weights_are_opened_by_their_own_name(
    prunescope: Prunescope, tmp_path: Path, drawn: Path
) -> None:
    dense, out = tmp_path / "dense.pth", tmp_path / "small.safetensors"
    torch.save(build(NAME, num_classes=10, seed=0).state_dict(), dense)
    network = [NAME, "--weights", dense, "--num-classes", 10]
    prunescope("prune", *network, "--keep", 0.5, "--out", out)
    options = ["--data", drawn / "images", "--json"]
    by_itself = prunescope("evaluate", out, *options)
    assert "random weights" not in by_itself.err
    network[2] = out
    assert by_itself.out == prunescope("evaluate", *network, *options).out != ""
