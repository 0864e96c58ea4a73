"""Does what is shared on the Hub come back as it was, with a card that says what it is?"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import yaml
from huggingface_hub import constants

import prunescope as ps
from commands import Prunescope, check_refused
from hub_server import LARGE, TOKEN, Hub, hub_on_this_machine
from layers import make_layer
from prunescope.base.errors import ConfigError, DataError, DownloadError, StoreError
from prunescope.concepts import open_concepts
from prunescope.experiment.hub.transfer import _asking
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.saved import read_weights
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.results.dissection import Dissection

NAME = "somebody/shared"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A stand-in of the Hub, at which somebody is logged in; the client talks to it by LFS."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with hub_on_this_machine() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


@pytest.fixture
def dissected(tmp_path: Path) -> Path:
    """A dissection of two layers."""
    layers = [make_layer({"cat": 200}, {"red": 100}, name=name) for name in ("layer3", "layer4")]
    Dissection(layers={layer.layer: layer for layer in layers}).save(tmp_path / "D")
    return tmp_path / "D"


@pytest.fixture
def pruned(tmp_path: Path) -> Path:
    """A pruned network, with its mask beside it."""
    network = build("cifar_resnet20,width=0.25", num_classes=10, seed=0)
    torch.save(network.state_dict(), tmp_path / "dense.pth")
    small = prune_saved(
        "cifar_resnet20,width=0.25",
        PruneSettings(keep=0.5),
        weights=tmp_path / "dense.pth",
        num_classes=10,
    )
    write_weights(tmp_path / "small.safetensors", small.network, small.mask, "prunescope")
    return tmp_path / "small.safetensors"


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def card_of(hub: Hub, kind: str) -> tuple[dict[str, Any], str]:
    text = hub.repositories[kind, NAME].files["README.md"].decode()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_a_dissection_comes_back_as_it_was(hub: Hub, dissected: Path, tmp_path: Path):
    url = ps.push(dissected, NAME, private=True)
    assert url == f"{hub.address}/datasets/{NAME}"
    assert hub.repositories["dataset", NAME].private
    assert ps.pull(NAME, tmp_path / "back") == str(tmp_path / "back")
    back = contents(tmp_path / "back")
    assert {"README.md", "prunescope.json"} < back.keys()
    assert {n: c for n, c in back.items() if "/" in n or n == "layers.json"} == contents(dissected)
    assert Dissection.load(tmp_path / "back").summary() == Dissection.load(dissected).summary()
    front, body = card_of(hub, "dataset")
    assert front["tags"][:2] == ["prunescope", "network-dissection"]
    counts = Dissection.load(dissected)["layer3"].counts()
    row = "| layer3 | " + " | ".join(
        str(counts[name]) for name in ("units", "interpretable", "concepts", "dead")
    )
    assert row in body
    assert f"| its fingerprint | {'5' * 64} |" in body
    assert "prunescope pull somebody/shared --out shared" in body


def test_pruned_weights_and_their_mask_come_back(hub: Hub, pruned: Path, tmp_path: Path):
    assert ps.push(pruned, NAME) == f"{hub.address}/{NAME}"
    assert any(len(content) > LARGE for content in hub.large.values())
    name = ps.pull(NAME, tmp_path / "back")
    assert name == str(tmp_path / "back/small.safetensors")
    sent, back = read_weights(pruned), read_weights(Path(name))
    assert back.mask is not None
    assert sent.mask is not None
    assert all(torch.equal(back.mask[key], kept) for key, kept in sent.mask.items())
    assert all(torch.equal(back.state[key], tensor) for key, tensor in sent.state.items())
    front, body = card_of(hub, "model")
    assert front["library_name"] == "prunescope"
    assert "| network | cifar_resnet20,width=0.25 |" in body
    kept, size = sent.mask.survivors, sent.mask.size
    assert f"| keep | 0.5 ({kept:,} of {size:,} prunable weights) |" in body


def test_a_concept_set_comes_back_with_its_pixels(hub: Hub, make_masks, tmp_path: Path):
    root = make_masks()
    (root / "diary.txt").write_text("dear")
    ps.push(f"masks:{root}", NAME)
    assert "diary.txt" not in hub.repositories["dataset", NAME].files
    name = ps.pull(NAME, tmp_path / "back")
    assert name == f"masks:{tmp_path / 'back'}"
    assert open_concepts(name).fingerprint == open_concepts(f"masks:{root}").fingerprint
    again = "somebody/again"
    ps.push(name, again)
    second = ps.pull(again, tmp_path / "second")
    assert open_concepts(second).fingerprint == open_concepts(name).fingerprint
    _, body = card_of(hub, "dataset")
    assert f"| fingerprint | {open_concepts(name).fingerprint} |" in body


def test_what_was_pulled_can_be_pushed_and_an_earlier_commit_pulled(
    hub: Hub, dissected: Path, tmp_path: Path
):
    ps.push(dissected, NAME)
    first = hub.repositories["dataset", NAME].commits[0][0]
    Dissection(layers={"layer4": make_layer({"dog": 300})}).save(dissected)
    ps.push(dissected, NAME)
    ps.pull(NAME, tmp_path / "new")
    ps.pull(NAME, tmp_path / "old", revision=first)
    assert list(Dissection.load(tmp_path / "new").layers) == ["layer4"]
    assert list(Dissection.load(tmp_path / "old").layers) == ["layer3", "layer4"]
    with pytest.raises(ConfigError, match="no such revision"):
        ps.pull(NAME, tmp_path / "none", revision="f" * 40)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("layer3/units.parquet", b"changed", "layer3/units.parquet is not as it was shared"),
        ("layers.json", None, "layers.json is missing"),
        ("prunescope.json", b"{}", "prunescope.json is damaged"),
        ("prunescope.json", None, "was not shared by `prunescope push`"),
        ("../outside", b"out", None),
        ("trap.py", b"raise SystemExit", None),
    ],
)
def test_what_is_not_as_it_was_shared_is_refused_or_left_out(
    hub: Hub, dissected: Path, tmp_path: Path, file: str, change: bytes | None, said: str | None
):
    ps.push(dissected, NAME)
    files = hub.repositories["dataset", NAME].files
    if change is None:
        del files[file]
    else:
        files[file] = change
    if said is None and ".." not in file:
        ps.pull(NAME, tmp_path / "back")
        assert not (tmp_path / "back" / file).exists()
        return
    with pytest.raises((DataError, DownloadError), match=said):
        ps.pull(NAME, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert not (tmp_path / "outside").exists()


def test_a_record_that_leads_outside_is_refused(hub: Hub, dissected: Path, tmp_path: Path):
    from prunescope.results.checksums import with_checksum

    ps.push(dissected, NAME)
    files = hub.repositories["dataset", NAME].files
    record = json.loads(files["prunescope.json"])
    record = with_checksum({**record, "files": {"../outside": "0" * 64}, "checksum": None})
    files["prunescope.json"] = json.dumps(record).encode()
    with pytest.raises(DataError, match=r"prunescope.json is damaged"):
        ps.pull(NAME, tmp_path / "back")


def test_nobody_is_told_the_token(
    hub: Hub, prunescope: Prunescope, dissected: Path, tmp_path: Path, monkeypatch
):
    said = [prunescope("push", dissected, NAME), prunescope("pull", NAME, "--out", tmp_path / "B")]
    assert [ended.status for ended in said] == [0, 0], said
    assert f"{hub.address}/datasets/{NAME}" in said[0].out
    assert str(tmp_path / "B") in said[1].out
    hub.writable = False
    said.append(prunescope("push", dissected, NAME))
    check_refused(said[-1], "refuses somebody/shared (403)", "hf auth login")
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}no")
    hub.writable = True
    said.append(prunescope("push", dissected, "somebody/other"))
    check_refused(said[-1], "refuses somebody/other (401)")
    assert not any(TOKEN in ended.out + ended.err for ended in said)
    assert all(TOKEN.encode() not in content for content in contents(tmp_path / "B").values())


def test_what_cannot_be_shared_or_found_is_said_in_a_line(
    hub: Hub, prunescope: Prunescope, dissected: Path, pruned: Path, tmp_path: Path, monkeypatch
):
    check_refused(prunescope("push", tmp_path / "no", NAME), "there is no", "no")
    check_refused(prunescope("push", tmp_path, NAME), "nothing that can be shared")
    check_refused(prunescope("push", tmp_path / "dense.pth", NAME), "no safetensors file")
    check_refused(prunescope("push", dissected, "shared"), '"shared" is no name', "NAMESPACE/NAME")
    check_refused(prunescope("push", dissected, NAME, "--kind", "weights"), "holds dissection")
    check_refused(prunescope("pull", NAME, "--out", tmp_path / "B"), "there is no somebody/shared")
    check_refused(prunescope("pull", NAME, "--out", dissected), "is not empty", "--out")
    (dissected / "layer3/units.csv").write_text("changed")
    check_refused(prunescope("push", dissected, NAME), "units.csv")
    assert hub.repositories == {}
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    check_refused(prunescope("push", pruned, NAME), "nobody is logged in", "HF_TOKEN")


def test_without_a_network_there_is_one_line(
    prunescope: Prunescope, dissected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for line in (("push", dissected, NAME), ("pull", NAME, "--out", tmp_path / "B")):
        ended = prunescope(*line)
        assert ended.status == 1
        assert "the Hugging Face Hub cannot be reached for somebody/shared" in ended.err
        assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "B").exists()


@pytest.mark.long
def test_the_client_by_itself_finds_the_endpoint_that_is_set(
    dissected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with hub_on_this_machine() as server:
        for name, value in {
            **{"HF_ENDPOINT": server.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"},
            **{"HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")},
        }.items():
            monkeypatch.setenv(name, value)
        program = [sys.executable, "-m", "prunescope"]
        for line in (["push", dissected, NAME], ["pull", NAME, "--out", tmp_path / "B", "--json"]):
            ended = subprocess.run(
                [*program, *map(str, line)], capture_output=True, text=True, check=False
            )
            assert ended.returncode == 0, ended.stderr
        printed = json.loads(ended.stdout.splitlines()[-1])
        assert printed == {"place": str(tmp_path / "B")}
        assert not re.search(r"\d+%", ended.stderr)  # no bars of the client
    shutil.rmtree(tmp_path / "B")


@pytest.mark.long
def test_a_level_of_a_run_comes_back_with_what_the_study_was(hub: Hub, run: Path, tmp_path: Path):
    level = ps.Level.load(run / "replicate-0/lottery/level-01")
    ps.push(level.path, NAME)
    ps.push(level.path, "somebody/seen", kind="dissection")
    back = ps.Level.load(ps.pull(NAME, tmp_path / "back"))
    assert back.metrics == level.metrics
    ours, theirs = (each.network.module.state_dict() for each in (level, back))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert all(torch.equal(level.mask[name], back.mask[name]) for name in level.mask)
    seen = ps.pull("somebody/seen", tmp_path / "seen")
    assert Dissection.load(seen).summary() == level.dissection.summary()
    front, body = card_of(hub, "model")
    assert "pruning" in front["tags"]
    assert f"| top-1 accuracy | {100 * level.metrics['top1']:.2f} % |" in body
    assert f"| keep | {level.metrics['keep']:.4g} (" in body
    study = yaml.safe_load((run / "study.yaml").read_text())
    assert f"| network | {study['network']} |" in body
    assert "| versions | prunescope " in body
    assert str(tmp_path) not in body
    seen_card = hub.repositories["dataset", "somebody/seen"].files["README.md"].decode()
    assert f"| top-1 accuracy | {100 * level.metrics['top1']:.2f} % |" in seen_card


def test_a_disk_that_refuses_is_not_taken_for_a_network(tmp_path: Path) -> None:
    file = tmp_path / "gone" / "units.parquet"
    with pytest.raises(StoreError, match=r"gone/units.parquet cannot be written"), _asking(NAME):
        file.write_bytes(b"")
