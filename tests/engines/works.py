"""What do workers perform in these tests?"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress
from prunescope.engines.local import LocalEngine

WAIT = 600.0  # seconds; a test that has to wait so long hangs


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A work that does what its name begins with."""

    name: str
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a performed work saw: its process, its threads, and which works were done before it."""

    process: int
    threads: int
    before: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Office:
    """Performs errands and leaves a file for each in a folder all processes see."""

    folder: Path

    def perform(self, work: Errand, progress: Progress) -> Trace:
        """Do what the name says."""
        import torch

        before = frozenset(path.name for path in self.folder.iterdir())
        with progress.task(f"doing {work.name}", 2) as task:
            task.advance(2, f"note of {work.name}")
        match work.name.split("-")[0]:
            case "wait":
                (self.folder / f"pid-{os.getpid()}").touch()
                time.sleep(WAIT)
            case "fail":
                self._await_the_others(1)
                raise DataError("the photograph is torn")
            case "die":
                self._await_the_others(1)
                os.kill(os.getpid(), signal.SIGKILL)
        (self.folder / work.name).touch()
        progress.say(f"did {work.name}")
        return Trace(process=os.getpid(), threads=torch.get_num_threads(), before=before)

    def waiting(self) -> list[int]:
        """Return the processes that wait."""
        return [int(path.name.removeprefix("pid-")) for path in self.folder.glob("pid-*")]

    def _await_the_others(self, count: int) -> None:
        wait_until(lambda: len(self.waiting()) == count)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes true in seconds, unless something is wrong."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


if __name__ == "__main__":
    works = [Errand(name="wait-1"), Errand(name="wait-2")]
    office = Office(folder=Path(sys.argv[1]))
    LocalEngine(2).run(works, office.perform, lambda _work, _trace: None, SILENT)
