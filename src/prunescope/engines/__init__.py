"""Where does work run?"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from prunescope.base.progress import Progress


@runtime_checkable
class Work(Protocol):
    """One piece of work: its name, and the names of those that must be finished before."""

    @property
    def name(self) -> str:
        """Return what no other work of the run is called."""

    @property
    def after(self) -> tuple[str, ...]:
        """Return the names of the works it needs."""


W = TypeVar("W", bound=Work)
Outcome = TypeVar("Outcome")


@runtime_checkable
class Engine(Protocol):
    """Something that performs works, each after those it needs."""

    @property
    def workers(self) -> int:
        """Return how many processes it runs beside each other."""

    @property
    def threads(self) -> int:
        """Return how many threads each of its processes computes with."""

    def run(
        self,
        works: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        progress: Progress,
    ) -> None:
        """Perform every work; an error in one ends the run.

        perform: may be called in another process, so it and its outcome can be pickled.
        finish: called in this process with each outcome as it comes.
        """
