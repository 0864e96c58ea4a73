"""Do processes that torchrun starts run a study together, stop together, and fail with one word?"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from once import made_once
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.run import report_again, run_study
from prunescope.experiment.status import status
from prunescope.recipe import Recipe

TinyStudy = Callable[..., Recipe]
FRAGILE = """\
import os
import signal

from torch import nn


class Net(nn.Module):
    def __init__(self, classes, how):
        super().__init__()
        self.layer1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, classes)
        self.how, self.seen = how, 0

    def forward(self, pixels):
        self.seen += self.training
        if self.training and self.seen == 3 and os.environ.get("RANK") == "1":
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("the cable is loose")
        return self.out(self.bn(self.layer1(pixels)).relu().mean((2, 3)))


def make(num_classes, how="raise"):
    return Net(num_classes, how)
"""


def start(recipe: Recipe, out: Path, *words: str) -> subprocess.Popen[str]:
    """Start a study with two processes."""
    file = out.with_suffix(".yaml")
    file.write_text(recipe.to_yaml())
    found = [str(out.parent), *filter(None, sys.path)]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*launch, "-m", "prunescope", "run", str(file), "--out", str(out), *words],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(found)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def study(tiny_study: TinyStudy, values: dict[str, Any]) -> Recipe:
    """A study with everything that images are shown for."""
    return tiny_study(
        replicates=1,
        training=values["training"] | {"recalibrate": 2, "mixup": 0.2, "keep_checkpoints": "1ep"},
        pruning={
            "rewind_to": "1ep1it",
            "twins": 1,
            "strategies": {
                "lottery": {"fraction": 0.2, "levels": 1},
                "filters": {"structure": "filters", "fraction": 0.2, "levels": 1},
            },
        },
        dissection=values["dissection"] | {"null": 3, "batch_size": 8},
    )


@pytest.fixture(scope="module")
def shared_run(study: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Its run by two processes, which are stopped; by one; by two; and what the first said."""

    def make(folder: Path) -> None:
        folder.mkdir()
        out = folder / "two"
        process = start(study, out)
        while not (out / "replicate-0/level-00").is_dir() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        code, _, err = ended(process)
        assert code != 0
        (folder / "stopped.txt").write_text(err)
        run_study(study, out, only=["strategy=lottery,level=1"], workers=1)
        code, said, err = ended(start(study, out))
        assert code == 0, err
        assert said == f"The report is at {out}/report/index.html\n"

    folder = made_once(tmp_path_factory, "shared-run", make)
    return folder / "two", (folder / "stopped.txt").read_text()


def names(out: Path) -> set[str]:
    """Return the files of a run, but the page's pictures of units, which depend on the weights."""
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith("report/assets/replicate-")}


@pytest.mark.long
def test_two_processes_make_the_files_that_one_makes(
    study: Recipe, shared_run: tuple[Path, str], tmp_path: Path
) -> None:
    out, _ = shared_run
    run_study(study, tmp_path / "one", workers=1)
    assert names(out) == names(tmp_path / "one")
    assert not audit_run(out).problems
    report_again(out)
    progress = status(out)
    assert not progress.to_do
    assert not progress.damaged
    invocations = json.loads((out / "provenance.json").read_text())["invocations"]
    assert [each["processes"] for each in invocations] == [2, 1, 2]


@pytest.mark.long
def test_processes_told_to_stop_end_together_and_the_first_says_so(
    shared_run: tuple[Path, str],
) -> None:
    _, err = shared_run
    assert err.count("prunescope: ") == 1
    assert "prunescope: stopped; the same command goes on from what is finished" in err


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raise", r"process 1 of 2 ended: Net fails on a batch .*the cable is loose"),
        ("kill", "another of the processes that share this work has ended|stopped"),
    ],
)
def test_a_process_that_fails_ends_all_with_one_message(
    tiny_study: TinyStudy, tmp_path: Path, how: str, reason: str
) -> None:
    (tmp_path / "fragile.py").write_text(FRAGILE)
    data = {"mean": [0.5] * 3, "std": [0.25] * 3}
    study = tiny_study().model_dump(exclude_unset=True)
    recipe = tiny_study(
        network=f"fragile:make,how={how}",
        data=study["data"] | data,
        dissection={"layers": ["layer1"], "quantile": 0.01},
    )
    code, _, err = ended(start(recipe, tmp_path / "run"))
    said = [line for line in err.splitlines() if line.startswith("prunescope: ")]
    assert code != 0
    assert len(said) == 1, err
    assert re.search(reason, said[0]), err
    assert "[rank" not in err  # torch's mark of another process's traceback
    if how == "raise":
        record = json.loads((tmp_path / "run/provenance.json").read_text())
        assert "the cable is loose" in record["failures"]["replicate 0, up to the rewind point"]


@pytest.mark.long
def test_more_processes_than_images_in_a_batch_are_refused_at_the_door(
    tiny_study: TinyStudy, values: dict[str, Any], tmp_path: Path
) -> None:
    recipe = tiny_study(training=values["training"] | {"batch_size": 1})
    code, _, err = ended(start(recipe, tmp_path / "run"))
    assert code != 0
    assert err.count("prunescope: ") == 1
    assert "prunescope: 2 processes share each batch, but training.batch_size is 1" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_processes_that_share_trainings_are_no_workers(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    code, _, err = ended(start(tiny_study(), tmp_path / "run", "--workers", "2"))
    assert code != 0
    assert err.count("prunescope: ") == 1
    assert "workers is 2, but torchrun has started 2 processes" in err
