"""Does any command wait for a pipe that stands where it expects a file?"""

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.world import LEVEL, NETWORK
from commands import Prunescope

LOADED = f"{NETWORK} --weights dense.pth --num-classes 10"
ON_SET = "--layer layer3 --concepts broden:set --quantile 0.02"
PIPES = {
    "dense.pth": (
        f"evaluate {LOADED} --data set/images",
        f"dissect {LOADED} {ON_SET}",
        f"prune {LOADED} --keep 0.5 --out small.safetensors",
        "audit dense.pth",
        f"compare dense.pth {LEVEL} {ON_SET} --network {NETWORK} --num-classes 10",
    ),
    "tiny.yaml": ("run tiny.yaml", "run tiny.yaml --dry-run"),
    "run/study.yaml": ("status run", "audit run", "report run"),
    f"{LEVEL}/weights.safetensors": (f"audit {LEVEL}", f"evaluate {LEVEL} --data set/images"),
    f"{LEVEL}/mask.safetensors": (
        f"audit {LEVEL}",
        f"prune {LEVEL} --keep 0.5 --out s.safetensors",
    ),
    "set/index.csv": ("concepts check broden:set", f"dissect {LOADED} {ON_SET}"),
    "set/label.csv": ("concepts check broden:set",),
    "set/images/train/aeroplane/0000.png": (
        "concepts check broden:set",
        f"dissect {LOADED} {ON_SET}",
        f"evaluate {LOADED} --data set/images --split train",
    ),
    "set/images/labels/train/aeroplane/0000_color.png": ("concepts check broden:set",),
    "mine/names.csv": ("concepts check masks:mine", f"dissect {LOADED} --concepts masks:mine"),
    "table.csv": ("summary table.csv", "compare table.csv A"),
    "A/layer4/units.parquet": ("summary A", "compare A B", "export A --out x.csv"),
    "A/layer4/summary.json": ("summary A", "compare A B"),
    "A/layer4/overlap.safetensors": ("compare A B --match profile", "export A --out x.csv"),
    "broden1_224.zip": ("concepts download broden --out new --from broden1_224.zip",),
}


@pytest.fixture
def alarm() -> Iterator[None]:
    """End a test that waits."""

    def ring(*_: object) -> None:
        raise TimeoutError("it waits for the pipe")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("pipe", "line"), [(p, line) for p in PIPES for line in PIPES[p]])
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(
    prunescope: Prunescope, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    alarm: None, pipe: str, line: str,
) -> None:  # fmt: skip
    root = Path(shutil.copytree(world, tmp_path / "world"))
    monkeypatch.chdir(root)
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path(pipe).unlink()
    os.mkfifo(pipe)
    ended = prunescope(*shlex.split(line))
    told = ended.out + ended.err
    assert ended.status == 2, told
    assert "Traceback" not in told
    assert Path(pipe).name in told
