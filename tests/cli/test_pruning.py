"""Do `prune` and `audit` say what they did, and refuse what they cannot do?"""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

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


def test_filters_are_removed_and_the_audit_says_what_is_left(
    prunescope: Prunescope, dense: Path, tmp_path: Path
) -> None:
    out = tmp_path / "narrow.safetensors"
    words = ["--structure", "filters", "--keep", 0.5]
    ended = prunescope(*_prune(dense, out, *words, "--json"))
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert (printed["survivors"], printed["prunable"]) == (42, 84)
    assert set(printed["whole"]) == {"conv1", "linear"}
    assert printed["difference"] <= 1e-5
    state = load_tensors(out)
    shape = state["layer3.0.conv1.weight"].shape
    assert shape == (8, 8, 3, 3)
    audit = json.loads(prunescope("audit", out, "--json").out.splitlines()[-1])
    assert audit["parameters"] == printed["parameters"]
    assert audit["dense"]["parameters"] == printed["parameters_before"]

    as_text = prunescope(*_prune(dense, tmp_path / "b.safetensors", *words))
    assert "42 of 84 channel groups kept, 50.00 %" in as_text.out
    assert "whole: linear: they lead to the network's outputs" in as_text.out
    assert (tmp_path / "b.safetensors").read_bytes() == out.read_bytes()


def test_a_network_is_exported_as_a_plain_state_dict(
    prunescope: Prunescope, dense: Path, tmp_path: Path
) -> None:
    out = tmp_path / "narrow.safetensors"
    prunescope(*_prune(dense, out, "--structure", "filters", "--keep", 0.5))
    plain = tmp_path / "narrow.pth"
    ended = prunescope("export", out, "--format", "state-dict", "--out", plain)
    assert ended.status == 0, ended.err
    state = torch.load(plain, weights_only=True)
    assert all(torch.equal(state[name], each) for name, each in load_tensors(out).items())
    audited = prunescope("audit", plain, "--network", NAME, "--num-classes", 4)
    assert "nothing says which units are left" in audited.out


@pytest.mark.long
@pytest.mark.parametrize("words", [[], ["--structure", "filters"]])
def test_statistics_are_estimated_anew_and_nothing_else_changes(
    prunescope: Prunescope, dense: Path, tmp_path: Path, words: list[str]
) -> None:
    photographs = tmp_path / "photographs"
    for number in range(8):
        path = photographs / "train" / f"class{number % 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (30 * number, 100, 250 - 30 * number)).save(path)
    plain, anew = tmp_path / "plain.safetensors", tmp_path / "anew.safetensors"
    prunescope(*_prune(dense, plain, "--keep", 0.5, *words))
    ended = prunescope(*_prune(dense, anew, "--keep", 0.5, *words, "--recalibrate", photographs))
    assert ended.status == 0, ended.err
    assert "statistics of 19 normalisations were estimated anew" in ended.out
    before, after = load_tensors(plain), load_tensors(anew)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "running" in name}


def test_a_network_without_statistics_cannot_be_recalibrated(
    prunescope: Prunescope, tmp_path: Path
) -> None:
    name = "torchvision:squeezenet1_1"
    torch.save(build(name, num_classes=4, seed=0).state_dict(), tmp_path / "dense.pth")
    ended = prunescope(
        *("prune", name, "--weights", tmp_path / "dense.pth", "--num-classes", 4),
        *("--keep", 0.5, "--out", tmp_path / "a.safetensors", "--recalibrate", "scenes"),
    )
    check_refused(ended, "no batch normalisation", "leave out")
    assert not (tmp_path / "a.safetensors").exists()
