"""What must something be that performs works, each after those it needs?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from prunescope.base.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a work needs for itself while it runs. gpus: 0 where it computes on the CPU alone."""

    cores: int = 1
    gpus: int = 0


@runtime_checkable
class Work(Protocol):
    """One piece of work; it can be pickled where the engine has other processes."""

    @property
    def name(self) -> str:
        """Return what no other work of the run is called."""

    @property
    def after(self) -> tuple[str, ...]:
        """Return the names of the works it needs."""

    @property
    def resources(self) -> Resources:
        """Return what it needs for itself while it runs."""


W = TypeVar("W", bound=Work)
Outcome = TypeVar("Outcome")


@runtime_checkable
class Engine(Protocol):
    """Something that performs works, each after those it needs.

    A module of this package makes one with `make(workers, *, share)`, see `LocalEngine`.
    """

    @property
    def workers(self) -> int:
        """Return how many processes run in parallel."""

    @property
    def threads(self) -> int:
        """Return how many threads each of its processes computes with."""

    def run(
        self,
        works: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
        progress: Progress,
    ) -> None:
        """Perform every work, but those that need one that failed.

        perform: may be called in another process, so it, its outcome and its errors can be
            pickled. The progress it gets there is a `RemoteProgress`, whose events the engine
            carries back in whatever way it has, to an `Audience`.
        finish, fail: called in this process with each outcome or error as it comes. What they
            raise ends the run.
        """


def in_order(works: Sequence[W]) -> list[W]:
    """Return works so that each comes after those it needs, else in the order given.

    Raises ValueError for works that wait for each other, or for one that is not there.
    """
    waiting = list(works)
    ordered: list[W] = []
    names: set[str] = set()
    while waiting:
        ready = next((work for work in waiting if names.issuperset(work.after)), None)
        if ready is None:
            raise ValueError(f"no order satisfies {', '.join(work.name for work in waiting)}")
        waiting.remove(ready)
        ordered.append(ready)
        names.add(ready.name)
    return ordered


def without_dependants(works: Sequence[W], failed: W) -> list[W]:
    """Return the works that can still be done after one failed.

    works: each after those it needs.
    """
    lost = {failed.name}
    left: list[W] = []
    for work in works:
        if lost.intersection(work.after):
            lost.add(work.name)
        else:
            left.append(work)
    return left
