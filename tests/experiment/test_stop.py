"""Does a command that is told to stop end at once, whole, and say how it goes on?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prunescope.study import Study

TinyStudy = Callable[..., Study]
_GOES_ON = "prunescope: stopped; the same command goes on from what is finished"
_SECONDS = 30.0  # on a busy machine; on an idle one it takes less than 3


def _group(leader: int) -> list[int]:
    """Return the live processes of a session."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            members.append(int(folder.name))
    return members


def _heed() -> None:
    """Take signals as a command in a terminal does, even where the tests run in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _stop(
    command: list[str],
    begun: Callable[[], bool],
    signals: tuple[int, ...],
    *,
    whole_group: bool = False,
    apart: float = 0.1,
) -> tuple[int, str]:
    """Start a command, send it signals once it has begun; return its status and last line.

    Fails where it needs longer than it may, or leaves a process behind.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "prunescope", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed,  # noqa: PLW1509  # no other thread forks
    )
    deadline = time.monotonic() + 120
    while not begun() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    sent = time.monotonic()
    for number in signals:
        (os.killpg if whole_group else os.kill)(process.pid, number)
        time.sleep(apart)
    _, words = process.communicate(timeout=30)
    took = time.monotonic() - sent
    while (left := _group(process.pid)) and time.monotonic() < sent + _SECONDS:
        time.sleep(0.02)
    assert not left
    assert took < _SECONDS
    assert "Traceback" not in words
    return process.returncode, words.strip().splitlines()[-1]


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
    assert _stop(command, begun, signals, whole_group=whole_group) == (status, _GOES_ON)


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["replicate-*/level-00/metrics.json", "tables"])
def test_a_study_told_to_stop_at_a_later_stage_ends_too(
    tiny_study: TinyStudy, tmp_path: Path, sign: str
) -> None:
    recipe, out = tmp_path / "tiny.yaml", tmp_path / "run"
    recipe.write_text(tiny_study(pruning={"strategies": {"lottery": {"levels": 1}}}).to_yaml())
    command = ["run", str(recipe), "--out", str(out), "--workers", "2"]
    answer = _stop(command, lambda: any(out.glob(sign)), (signal.SIGINT, signal.SIGINT))
    assert answer == (130, _GOES_ON)


def test_a_demo_told_to_stop_while_it_draws_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    drawing = lambda: any(tmp_path.rglob("*.png"))  # noqa: E731
    environment = os.environ.copy()
    os.environ["XDG_CACHE_HOME"] = os.environ["PRUNESCOPE_CACHE"] = str(tmp_path / "cache")
    try:
        answer = _stop(["demo", "--out", str(out)], drawing, (signal.SIGINT,), whole_group=True)
    finally:
        os.environ.clear()
        os.environ.update(environment)
    assert answer == (130, _GOES_ON)
