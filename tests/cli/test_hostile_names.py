"""Which names would lead a command astray, and does any, wherever it is read?"""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml

from cli.world import LEVEL, NETWORK
from commands import Prunescope, every_command
from prunescope.base.tensors import load_tensors, save_tensors

TRAP = """\
from pathlib import Path
Path({marker!r}).touch()
from torch import nn
def make(**options):
    Path({marker!r}).touch()
    return nn.Conv2d(3, 4, 3)
"""
INPUT = {"mean": [0.5] * 3, "std": [0.25] * 3, "resolution": 32}
CALLING = (
    "os:system,command=touch\tmarker",
    "trap:make",
    "bag.trap:make",
    "bag.inner.trap:make",
    "torch.hub:load,repo_or_dir=bag",
    "builtins:exec,source=1",
    "trap:make,num_classes=3",
)
READING = (
    "timm:resnet18,checkpoint_path=marker.pth",
    "timm:resnet18,pretrained=True",
    "timm:resnet18,pretrained_cfg=x",
    "timm:resnet18,pretrained_cfg_overlay={'file':'marker.pth'}",
    "timm:resnet18,cache_dir=marker",
    "timm:hf-hub:someone/trap",
    "timm:hf_hub:someone/trap",
    "timm:local-dir:bag",
    "torchvision:resnet18,weights=DEFAULT",
    "timm:vit_tiny_patch16_224,img_size=1000000000",
    "timm:vit_tiny_patch16_224,depth=100000000",
    "cifar_resnet20,width=99999999",
    "cifar_resnet20,width=" + "(" * 400,
    "x" * 1_000_000,
    "cifar_resnet20\x1b[2J",
    "timm:resnet18\x00",
)
LOOKED_AT = {
    "audit": ("audit {file}", "audit {run}", "audit {level}", "audit {run} --resolution 32"),
    "evaluate": (
        "evaluate {file} --data set/images",
        "evaluate {level} --data set/images",
        "evaluate {file} {level} --data set/images --rounds 0",
    ),
    "ablate": (
        "ablate {file} --layer layer3 --unit 1 --data set/images --controls 0",
        "ablate {level} --layer layer3 --unit 1 --data set/images --controls 0",
    ),
    "dissect": (
        "dissect {file} --concepts broden:set --quantile 0.02 --out out",
        "dissect {level} --concepts broden:set --quantile 0.02 --out out",
        "dissect {file} --list-layers",
        "dissect {level} --list-layers",
    ),
    "prune": ("prune {file} --keep 0.5 --out p.safetensors", "prune {level} --out p.safetensors"),
    "conventions": ("conventions {file} --concepts broden:set --quantile 0.02 --out out",),
    "compare": (
        "compare {file} {level} --concepts broden:set --layer layer3 --quantile 0.02",
        "compare A {file} --concepts broden:set --layer layer3 --quantile 0.02",
        "compare {run} {run}",
        "compare {level} {level}",
    ),
    "summary": ("summary {file}", "summary {run}", "summary {level}"),
    "unit": ("unit {file} 0", "unit {run} 0", "unit {level} 0"),
    "concept": ("concept {file} a", "concept {run} a", "concept {level} a"),
    "export": ("export {file} --out e.csv", "export {level} --out e.csv"),
    "chance": ("chance {run} --concepts broden:set", "chance {level} --concepts broden:set"),
    "status": ("status {run}",),
    "report": ("report {run}",),
    "merge": ("merge {run} {run} --out out",),
    "instability": ("instability {run} --at 0it --out out",),
    "run": ("run {run}", "run start.yaml --dry-run", "run {file}"),
    "concepts check": ("concepts check masks:{run}",),
    "concepts convert": ("concepts convert masks:{run} --out set2",),
    "concepts segment": (
        "concepts segment masks:{run} --model torchvision:lraspp_mobilenet_v3_large "
        "--weights {file} --out set3",
    ),
    "push": ("push {run} me/shared", "push {file} me/shared", "push {level} me/shared"),
    "concepts preview": ("concepts preview broden:{run} --out preview.html",),
}
NO_FILE = {"demo", "schema", "pull", "concepts list", "concepts download"}
"""Commands that open no file of anybody's."""


def _slow(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def sound(own_world: Path) -> Path:
    marker = str(own_world / "marker")
    for place in (".", "bag", "bag/inner"):
        (own_world / place).mkdir(exist_ok=True)
        (own_world / place / "trap.py").write_text(TRAP.format(marker=marker))
        if place != ".":
            (own_world / place / "__init__.py").write_text(TRAP.format(marker=marker))
    return own_world


@pytest.fixture
def spoiled(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the current folder's file, level and run say that they belong to a network."""
    monkeypatch.chdir(sound)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)  # whoever runs this
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    spoilt = [*sound.rglob("*.safetensors"), sound / "run" / "study.yaml"]
    kept = {path: path.read_bytes() for path in spoilt}

    def spoil(name: str) -> None:
        metadata = {"network": json.dumps({"name": name, "num_classes": 10, **INPUT})}
        for path in Path("run").rglob("weights.safetensors"):
            save_tensors(path, load_tensors(path), metadata)
        shutil.copy(Path(LEVEL) / "weights.safetensors", "file.safetensors")
        recipe = yaml.safe_load(Path("run/study.yaml").read_text())
        Path("run/study.yaml").write_text(yaml.safe_dump(recipe | {"network": name}))
        start = {"network": NETWORK, "start": {"weights": "file.safetensors"}}
        Path("start.yaml").write_text(yaml.safe_dump(recipe | start))

    yield spoil
    for path, content in kept.items():
        path.write_bytes(content)
    (sound / "marker").unlink(missing_ok=True)


def test_every_command_that_opens_a_file_is_tried() -> None:
    assert {name for name, _ in every_command()} == LOOKED_AT.keys() | NO_FILE


NAMES = [*CALLING, *READING]
A_FEW = ("audit {file}", "prune {level} --out p.safetensors", "run start.yaml --dry-run")


def _check_lines(prunescope: Prunescope, lines: Iterable[str]) -> None:
    for line in lines:
        command = line.format(file="file.safetensors", run="run", level=LEVEL)
        ended = prunescope(*shlex.split(command))
        told = ended.out + ended.err
        assert not Path("marker").exists(), command
        assert "Traceback" not in told, command
        assert ended.status in (0, 2), (command, told)
        assert not {"\x1b", "\x00"} & set(told), command
        assert len(told) < 20_000, command
    for module in ("trap", "bag", "bag.trap", "bag.inner"):
        assert module not in sys.modules


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:40]))
def test_a_command_runs_nothing_that_only_a_file_names(
    prunescope: Prunescope, spoiled: Callable[[str], None], name: str
) -> None:
    spoiled(name)
    _check_lines(prunescope, A_FEW)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [name if name in ("trap:make", "timm:hf-hub:someone/trap") else _slow(name) for name in NAMES],
    ids=lambda name: ascii(name[:40]),
)
def test_no_command_runs_what_only_a_file_names(
    prunescope: Prunescope, spoiled: Callable[[str], None], name: str
) -> None:
    spoiled(name)
    _check_lines(prunescope, chain.from_iterable(LOOKED_AT.values()))


@pytest.mark.long
def test_a_folder_here_never_passes_for_a_library(sound: Path, tmp_path: Path) -> None:
    for library in ("timm", "torchvision", "torch"):
        trap = TRAP.format(marker=str(tmp_path / f"marker-{library}"))
        (tmp_path / library).mkdir()
        (tmp_path / library / "__init__.py").write_text(trap)
    shutil.copy(sound / LEVEL / "weights.safetensors", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "prunescope", "audit", "weights.safetensors"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("marker-*"))
