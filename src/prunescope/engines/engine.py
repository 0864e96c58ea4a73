"""What must an engine do, and how do its processes report to the one the user watches?"""

import itertools
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from prunescope.base.progress import Progress, Task
from prunescope.base.ranks import Ranks


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a job needs on one machine while it runs.

    gpus: 0 where it computes on the CPU alone. processes: that share it, the first of which
    performs the job and starts the others; each needs a core.
    """

    gpus: int = 0
    processes: int = 1


@runtime_checkable
class Job(Protocol):
    """One piece of work; it can be pickled where the engine has other processes."""

    @property
    def name(self) -> str:
        """Return its name, which no other job of the run has."""

    @property
    def after(self) -> tuple[str, ...]:
        """Return the names of the jobs it needs."""

    @property
    def resources(self) -> Resources:
        """Return what it needs while it runs."""


W = TypeVar("W", bound=Job)
Outcome = TypeVar("Outcome")


@runtime_checkable
class Engine(Protocol):
    """Something that performs jobs, each after those it needs.

    A module of this package makes one with `make(workers, independent, address)`, as `local` does.
    """

    @property
    def workers(self) -> int:
        """Return how many processes run in parallel."""

    @property
    def threads(self) -> int:
        """Return how many threads each of its processes computes with."""

    @property
    def gpus(self) -> int:
        """Return how many GPUs it has."""

    def run(
        self,
        jobs: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
        progress: Progress,
    ) -> None:
        """Perform every job, but those that need one that failed.

        perform: may be called in another process, so it, its outcome and its errors can be
            pickled. The progress it gets there is a `RemoteProgress`; the engine carries its events
            back to the `Audience` of that process.
        finish, fail: called in this process with each outcome or error as it comes. What they
            raise ends the run.
        """


Shared = Callable[[Ranks, Progress], Outcome]
"""A piece of work that processes share, each of which calls it as one of the ranks.

What it returns in the first is its outcome. It, its outcome and its errors can be pickled."""


@runtime_checkable
class SharingEngine(Engine, Protocol):
    """An engine whose workers can also share one piece of work."""

    def share(self, work: Shared[Outcome], progress: Progress, *, gpus: bool) -> Outcome:
        """Have all workers share a piece of work, each with a GPU where there is one.

        gpus: False leaves GPUs alone. A worker that is lost costs time alone.
        Raises what the work raises, ConfigError where it cannot be sent to them.
        """


def in_order(jobs: Sequence[W]) -> list[W]:
    """Return jobs in their order, but each after those it needs.

    Raises ValueError for jobs that wait for each other, or for one that is absent.
    """
    waiting = list(jobs)
    ordered: list[W] = []
    names: set[str] = set()
    while waiting:
        ready = next((job for job in waiting if names.issuperset(job.after)), None)
        if ready is None:
            raise ValueError(f"no order satisfies {', '.join(job.name for job in waiting)}")
        waiting.remove(ready)
        ordered.append(ready)
        names.add(ready.name)
    return ordered


def without_dependants(jobs: Sequence[W], failed: W) -> list[W]:
    """Return the jobs that can still be done after one failed.

    jobs: each after those it needs.
    """
    lost = {failed.name}
    left: list[W] = []
    for job in jobs:
        if lost.intersection(job.after):
            lost.add(job.name)
        else:
            left.append(job)
    return left


def attempt(
    perform: Callable[[W, Progress], Any], job: W, progress: Progress
) -> tuple[Literal["outcome", "error"], Any]:
    """Perform a job in another process; return how it ended, as what goes back to the first."""
    try:
        return "outcome", perform(job, progress)
    except Exception as error:  # handed on  # noqa: BLE001
        error.add_note("".join(traceback.format_exception(error)))
        return "error", error


Event = tuple[Any, ...]
"""What a process reports: the kind of event, then plain values."""


class RemoteProgress(Progress):
    """Turns reports into events. send: takes each event in the process that reports."""

    def __init__(self, send: Callable[[Event], None]) -> None:
        self._send = send
        self._numbers = itertools.count()

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        number = next(self._numbers)
        self._send(("open", number, description, total, done))
        try:
            yield _RemoteTask(self._send, number)
        finally:
            self._send(("close", number))

    def say(self, message: str) -> None:
        self._send(("say", message))


class _RemoteTask(Task):
    def __init__(self, send: Callable[[Event], None], number: int) -> None:
        self._send = send
        self._number = number

    def advance(self, count: int = 1, note: str = "") -> None:
        self._send(("advance", self._number, count, note))


class Audience:
    """Shows the events of one other process on a progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[int, tuple[ExitStack, Task]] = {}

    def receive(self, event: Event) -> None:
        """Show an event; one of a task that is not open is passed over."""
        match event:
            case "say", text:
                self._progress.say(text)
            case "open", number, description, total, done:
                stack = ExitStack()
                task = stack.enter_context(self._progress.task(description, total, done=done))
                self._tasks[number] = stack, task
            case "advance", number, count, note if number in self._tasks:
                self._tasks[number][1].advance(count, note)
            case "close", number if number in self._tasks:
                self._tasks.pop(number)[0].close()

    def close(self) -> None:
        """Close the tasks that the process left open, as one that was killed does."""
        for stack, _ in self._tasks.values():
            stack.close()
        self._tasks.clear()
