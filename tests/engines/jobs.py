"""What do workers perform in these tests, and who hears of it?"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress, Task
from prunescope.engines.engine import Resources
from prunescope.engines.local import LocalEngine

WAIT = 600.0  # seconds; a test that has to wait so long hangs


@dataclass(frozen=True, kw_only=True)
class Chore:
    """A job that does what its name begins with."""

    name: str
    after: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a performed job saw: its process, threads and GPUs, and which jobs were done."""

    process: int
    threads: int
    before: frozenset[str]
    gpus: str


@dataclass(frozen=True, kw_only=True)
class Office:
    """Performs jobs and leaves a file for each in a folder all processes see."""

    folder: Path

    def perform(self, job: Chore, progress: Progress) -> Trace:
        """Do what the name says."""
        import torch

        before = frozenset(path.name for path in self.folder.iterdir())
        with progress.task(f"doing {job.name}", 2) as task:
            task.advance(2, f"note of {job.name}")
        match job.name.split("-")[0]:
            case "wait":
                (self.folder / f"pid-{os.getpid()}").touch()
                time.sleep(WAIT)
            case "fail":
                if job.name != "fail":
                    wait_until(lambda: len(self.waiting()) == 1)
                raise DataError("the photograph is torn")
            case "die":
                with progress.task("counting", 3) as task:
                    task.advance()
                    os.kill(os.getpid(), signal.SIGKILL)
            case "report":
                with progress.titled(job.name).task("counting", 3, done=1) as task:
                    for number in range(1, 3):
                        task.advance(1, f"note {number}")
                progress.say("x" * 100_000)  # more than a pipe takes in one piece
            case "linger":
                time.sleep(0.5)
            case "meet":
                (self.folder / f"met-{os.getpid()}").touch()
                wait_until(lambda: len(list(self.folder.glob("met-*"))) == 2)
        (self.folder / job.name).touch()
        progress.say(f"did {job.name}")
        return Trace(
            process=os.getpid(),
            threads=torch.get_num_threads(),
            before=before,
            gpus=os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        )

    def waiting(self) -> list[int]:
        """Return the processes that wait."""
        return [int(path.name.removeprefix("pid-")) for path in self.folder.glob("pid-*")]


CHAINS = [
    Chore(name="last", after=("a2", "b2")),
    Chore(name="a1"),
    Chore(name="b1"),
    Chore(name="a2", after=("a1",)),
    Chore(name="b2", after=("b1",)),
]


class Desk:
    """Receives outcomes."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Trace] = {}
        self.failures: dict[str, Exception] = {}
        self.processes: set[int] = set()

    def finish(self, job: Chore, trace: Trace) -> None:
        self.outcomes[job.name] = trace
        self.processes.add(os.getpid())

    def fail(self, job: Chore, error: Exception) -> None:
        self.failures[job.name] = error
        self.processes.add(os.getpid())


class Recorder(Progress):
    """Remembers what was reported, and which tasks are open."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.advanced: dict[str, list[tuple[int, str]]] = {}
        self.open: set[str] = set()

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        advanced = self.advanced.setdefault(f"{description}, {done} of {total}", [])

        class Recording(Task):
            def advance(self, count: int = 1, note: str = "") -> None:
                advanced.append((count, note))

        self.open.add(description)
        yield Recording()
        self.open.remove(description)

    def say(self, message: str) -> None:
        self.said.append(message)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes true in seconds, unless something is wrong."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _raise(_work: Chore, error: Exception) -> None:
    raise error


if __name__ == "__main__":
    jobs = [Chore(name="wait-1"), Chore(name="wait-2")]
    office = Office(folder=Path(sys.argv[1]))
    LocalEngine(2).run(jobs, office.perform, lambda _work, _trace: None, _raise, SILENT)
