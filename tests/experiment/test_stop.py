"""Does a command that is told to stop end at once, whole, and say how it goes on?"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from prunescope.recipe import Recipe
from stops import stop

TinyStudy = Callable[..., Recipe]
_GOES_ON = "prunescope: stopped; the same command goes on from what is finished"


@pytest.mark.long
@pytest.mark.parametrize(
    ("workers", "whole_group", "signals", "status"),
    [
        (2, True, (signal.SIGINT, signal.SIGINT), 130),
        pytest.param(2, False, (signal.SIGINT, signal.SIGINT), 130, marks=pytest.mark.slow),
        pytest.param(2, True, (signal.SIGTERM,), 143, marks=pytest.mark.slow),
        pytest.param(2, False, (signal.SIGHUP, signal.SIGTERM), 129, marks=pytest.mark.slow),
        (1, False, (signal.SIGTERM,), 143),
        pytest.param(1, True, (signal.SIGINT, signal.SIGINT), 130, marks=pytest.mark.slow),
    ],
)
def test_a_study_told_to_stop_ends_with_its_workers_and_says_how_it_goes_on(
    tiny_study: TinyStudy,
    tmp_path: Path,
    workers: int,
    whole_group: bool,
    signals: tuple[int, ...],
    status: int,
) -> None:
    recipe, out = tmp_path / "tiny.yaml", tmp_path / "run"
    recipe.write_text(tiny_study().to_yaml())
    command = ["run", str(recipe), "--out", str(out), "--workers", str(workers)]
    begun = lambda: any(out.glob(".work/*/checkpoint.safetensors"))  # noqa: E731
    assert stop(command, begun, signals, whole_group=whole_group) == (status, _GOES_ON)


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["replicate-*/level-00/metrics.json", "tables"])
def test_a_study_told_to_stop_at_a_later_stage_ends_too(
    tiny_study: TinyStudy, tmp_path: Path, sign: str
) -> None:
    recipe, out = tmp_path / "tiny.yaml", tmp_path / "run"
    recipe.write_text(tiny_study().to_yaml())
    command = ["run", str(recipe), "--out", str(out), "--workers", "2"]
    answer = stop(command, lambda: any(out.glob(sign)), (signal.SIGINT, signal.SIGINT))
    assert answer == (130, _GOES_ON)


@pytest.mark.long
def test_a_demo_told_to_stop_while_it_draws_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    drawing = lambda: any(tmp_path.rglob("*.png"))  # noqa: E731
    environment = os.environ.copy()
    os.environ["XDG_CACHE_HOME"] = os.environ["PRUNESCOPE_CACHE"] = str(tmp_path / "cache")
    try:
        answer = stop(["demo", "--out", str(out)], drawing, (signal.SIGINT,), whole_group=True)
    finally:
        os.environ.clear()
        os.environ.update(environment)
    assert answer == (130, _GOES_ON)
