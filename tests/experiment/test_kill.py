"""Does a study that is killed again and again end with the bytes of one that was not?"""

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
BESIDE = {"provenance.json", ".lock"}


def _command(recipe: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "prunescope", "run", str(recipe), "--out", str(out)]


def _contents(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file())
    own = {path.relative_to(out).as_posix(): path.read_bytes() for path in files}
    return {name: content for name, content in own.items() if name not in BESIDE}


def _kill_once(command: list[str], signs: Callable[[], bool]) -> None:
    """Start the command, and kill -9 all of it as soon as the signs are there."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not signs() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_five_kills_change_no_byte(tiny_study: TinyStudy, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(tiny_study().to_yaml())
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(_command(recipe, whole), check=True, capture_output=True)
    replicate = broken / "replicate-0"
    moments: list[Callable[[], bool]] = [
        lambda: any(broken.glob(".work/*/checkpoint.safetensors")),
        lambda: (replicate / "level-00" / "weights.safetensors").is_file(),
        lambda: any((replicate / "lottery").glob("level-01/dissection/*/units.parquet")),
        lambda: any(broken.glob(".work/*/new/*")) and (replicate / "lottery/level-02").is_dir(),
        lambda: (broken / "tables").is_dir(),
    ]
    for signs in moments:
        _kill_once(_command(recipe, broken), signs)
    subprocess.run(_command(recipe, broken), check=True, capture_output=True)
    assert _contents(broken) == _contents(whole)
