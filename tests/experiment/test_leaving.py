"""Does a study that is told to stop keep what it has computed, in the middle of anything?"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from once import made_once
from prunescope.recipe import Recipe
from prunescope.results.checkpoints import checkpoint_step
from runs import contents
from stops import stop

_RUN = ["run", "tiny.yaml", "--out", "run"]
_GOES_ON = "prunescope: stopped; the same command goes on from what is finished"
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # as each of two workers has here
_SLOW = """\
import time
from pathlib import Path

import torch
from torch import nn

WORK, LEVEL, SLOW = Path("run/.work"), Path("run/replicate-0/level-00"), Path("slow")


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layer1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, classes)

    def forward(self, pixels):
        if WORK.exists() and SLOW.exists() and SLOW.read_text() == self.doing():
            Path("begun").touch()
            end, numbers = time.monotonic() + 1.0, torch.ones(1000, 1000)
            while time.monotonic() < end:
                numbers @ numbers
        return self.out(self.bn(self.layer1(pixels)).relu().mean((2, 3)))

    def doing(self):
        if self.training:
            return "training"
        if torch.is_grad_enabled():
            return "scoring"
        if self.layer1._forward_hooks:
            return "dissection"
        return "evaluation" if LEVEL.exists() else "test"


def make(num_classes):
    return Net(num_classes)
"""


@pytest.fixture(scope="module")
def study(tiny_study: Callable[..., Recipe], values: dict[str, Any]) -> Recipe:
    """A study of a network that takes a second for a batch, where and when it is told to."""
    return tiny_study(
        network="slow:make",
        data=values["data"] | {"mean": [0.5] * 3, "std": [0.25] * 3},
        pruning={
            "rewind_to": "1ep1it",
            "strategies": {"flow": {"fraction": 0.2, "levels": 1, "criterion": "synflow"}},
        },
        dissection={"layers": ["layer1"], "quantile": 0.01, "batch_size": 4},
        replicates=1,
    )


def prepare(study: Recipe, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "slow.py").write_text(_SLOW)
    (folder / "tiny.yaml").write_text(study.to_yaml())
    return folder


def finish(folder: Path) -> dict[str, bytes]:
    subprocess.run(
        [sys.executable, "-m", "prunescope", *_RUN, "--workers", "1"],
        cwd=folder, check=True, capture_output=True, env=os.environ | _ONE_THREAD,
    )  # fmt: skip
    return contents(folder / "run")


@pytest.fixture(scope="module")
def never_stopped(study: Recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    make = lambda folder: finish(prepare(study, folder))  # noqa: E731
    return contents(made_once(tmp_path_factory, "never-stopped", make) / "run")


@pytest.mark.long
@pytest.mark.parametrize(
    ("doing", "number", "engine"),
    [
        ("training", signal.SIGUSR1, 2),
        pytest.param("training", signal.SIGTERM, 1, marks=pytest.mark.slow),
        pytest.param("training", signal.SIGTERM, "ray", marks=pytest.mark.slow),
        *(
            pytest.param(doing, number, engine, marks=pytest.mark.slow)
            for doing in ("test", "evaluation", "dissection", "scoring")
            for number, engine in ((signal.SIGTERM, 1), (signal.SIGUSR1, 2))
        ),
    ],
)
def test_a_study_leaves_in_the_middle_of_it_and_ends_with_the_same_bytes(
    study: Recipe,
    never_stopped: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    doing: str,
    number: signal.Signals,
    engine: int | str,
) -> None:
    for name, value in _ONE_THREAD.items():
        monkeypatch.setenv(name, value)
    folder = prepare(study, tmp_path / "stopped")
    (folder / "slow").write_text(doing)
    if engine == "ray":
        pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    options = ["--engine", "ray"] if engine == "ray" else ["--workers", str(engine)]
    twice = (number, number)  # as torchrun repeats what SLURM sends to every process
    answer = stop([*_RUN, *options], (folder / "begun").exists, twice, folder=folder)
    assert answer == (128 + number, _GOES_ON)
    steps = [checkpoint_step(path) for path in folder.glob("run/.work/*/checkpoint.safetensors")]
    if doing in ("training", "test"):
        assert [str(step) for step in steps] in (
            [["1it"], ["2it"]] if doing == "training" else [["1ep"]]
        )
    (folder / "slow").unlink()
    files = finish(folder)
    assert files.keys() == never_stopped.keys()
    if engine != "ray":  # whose stages have as many threads as the machine has cores
        assert files == never_stopped
