"""Does a study that is killed again and again end with the bytes of one that was not?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from prunescope.networks.registry import build
from prunescope.recipe import Recipe
from runs import contents

TinyStudy = Callable[..., Recipe]


def _command(recipe: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "prunescope", "run", str(recipe), "--out", str(out)]


def _kill_once(command: list[str], out: Path, sign: str) -> None:
    """Start the command, and kill -9 it as soon as a path like the sign is in its run folder."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not any(out.glob(sign)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def _check_kills(study: Recipe, place: Path, signs: tuple[str, ...]) -> None:
    """Fail unless a run killed at each of the signs ends with the bytes of one that was not."""
    recipe, whole, broken = place / "tiny.yaml", place / "whole", place / "broken"
    recipe.write_text(study.to_yaml())
    subprocess.run(_command(recipe, whole), check=True, capture_output=True)
    for sign in signs:
        _kill_once(_command(recipe, broken), broken, sign)
    subprocess.run(_command(recipe, broken), check=True, capture_output=True)
    assert contents(broken) == contents(whole)


@pytest.mark.slow
def test_five_kills_change_no_byte(tiny_study: TinyStudy, tmp_path: Path) -> None:
    signs = (
        ".work/*/checkpoint.safetensors",
        "replicate-0/level-00/weights.safetensors",
        "replicate-0/lottery/level-01/dissection/*/units.parquet",
        "replicate-1/lottery/level-0*",
        "tables",
    )
    _check_kills(tiny_study(), tmp_path, signs)


@pytest.mark.slow
def test_kills_of_a_study_that_starts_from_given_weights_change_no_byte(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    weights = tmp_path / "dense.pth"
    torch.save(build("cifar_resnet20,width=0.25", num_classes=10, seed=0).state_dict(), weights)
    tuned = {"levels": 2, "recovery": "finetune", "learning_rate": 0.01, "steps": "12ep"}
    study = tiny_study(
        replicates=1, start={"weights": str(weights)}, pruning={"strategies": {"tuned": tuned}}
    )
    signs = (
        ".work/*/checkpoint.safetensors",
        "replicate-0/tuned/level-01/weights.safetensors",
        "replicate-0/tuned/level-02",
    )
    _check_kills(study, tmp_path, signs)
