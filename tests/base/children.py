"""What do other processes do in these tests?"""

import os
import signal
import sys
import time
from pathlib import Path

from prunescope.base.progress import Progress
from prunescope.results.store import Store


def write_until_killed(root: Path) -> None:
    """Be the writer of a run folder, leave a sign, and stay."""
    store = Store(root)
    store.create()
    with store.writing():
        (root / "study.yaml").touch()
        (root / "writing").touch()
        time.sleep(600)


def report(progress: Progress, name: str) -> None:
    """Report as work does."""
    progress.say(f"{name} begins")
    with progress.titled(name).task("counting", 3) as task:
        for number in range(3):
            task.advance(1, f"note {number}")
    progress.say("x" * 100_000)  # more than a pipe takes in one piece


def report_and_die(progress: Progress) -> None:
    """Be killed in the middle of a task."""
    with progress.task("counting", 3) as task:
        task.advance()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]))
