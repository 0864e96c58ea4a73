"""Which processes does a command have, and how are they killed or frozen?"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from faults.warm import Command


def children(process: int) -> list[int]:
    """Return the processes that one has started and that live."""
    found: list[int] = []
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError, ValueError):
            found += map(int, file.read_text().split())
    return found


def signal_some(command: Command, who: str, number: int, chance: Random) -> bool:
    """Send a signal to a whole group, the parent alone, or a worker; return whether it was there.

    A command without workers is one process, whoever is meant.
    """
    if command.status() is not None:
        return False
    try:
        match who:
            case "whole group":
                os.killpg(command.process, number)
            case "parent alone":
                os.kill(command.process, number)
            case "one worker":
                below = children(command.process)
                if not below:
                    return False
                os.kill(chance.choice(sorted(below)), number)
    except ProcessLookupError:
        return False
    return True


def end(command: Command) -> None:
    """Kill a command and all it has started, if it still runs."""
    if command.status() is None:
        with suppress(ProcessLookupError):
            os.killpg(command.process, signal.SIGKILL)
        command.wait()


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is met; return whether it was, in that time."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return met
