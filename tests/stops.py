"""How does a command end that is sent signals in the middle of its work?"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from prunescope.base.stopping import SIGNALS

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


_HEED = """\
import os, signal, sys

for number in map(int, sys.argv[1].split()):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "prunescope", *sys.argv[2:]])
"""
"""Takes signals as a command in a terminal does, even where the tests run in the background.

A program: a process with threads, as this one may have, can hang if Python forks it.
"""


def stop(
    command: list[str],
    begun: Callable[[], bool],
    signals: tuple[int, ...],
    *,
    whole_group: bool = False,
    apart: float = 0.1,
    folder: Path | None = None,
) -> tuple[int, str]:
    """Start a command, send it signals once it has begun; return its status and last line.

    folder: to start it in.
    Fails where it needs longer than it may, or leaves a process behind.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _HEED, " ".join(str(int(each)) for each in SIGNALS), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=folder,
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
    assert "Traceback" not in words, words
    return process.returncode, words.strip().splitlines()[-1]
