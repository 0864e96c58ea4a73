"""How is a training shown in a tracker while it goes on?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeAlias

from prunescope.base.errors import ConfigError
from prunescope.training.trackers import TRACKERS

Row: TypeAlias = Mapping[str, int | float | None]
"""A row of a history, see `History`."""

_SCALARS = {
    "train_loss": "train/loss",
    "train_accuracy": "train/accuracy",
    "test_accuracy": "test/accuracy",
    "learning_rate": "learning_rate",
}
"""The columns of a history that are shown, and what they are called in a tracker."""


class Tracker(Protocol):
    """One training as a tracker sees it."""

    def log(self, scalars: Mapping[str, float], iteration: int) -> None:
        """Take what was measured after so many iterations."""

    def close(self) -> None:
        """Finish; nothing is taken afterwards."""


def check_tracker(name: str) -> None:
    """Raise ConfigError where a tracker's package is not installed."""
    package: str = TRACKERS.module(name).PACKAGE  # type: ignore[union-attr]
    if find_spec(package) is None:
        raise ConfigError(
            f'training.track is "{name}", but the package {package} is not installed: '
            f"pip install 'prunescope[{name}]', or leave out training.track"
        )


@contextmanager
def tracked(
    name: str | None, folder: Path, *, study: str, training: str
) -> Iterator[Callable[[Row], None] | None]:
    """Give what takes every row of a training's history; None where no tracker is named.

    A training that goes on after a stop hands over its earlier rows again, so each tracker begins
    anew. folder: in which a tracker that writes files does so. study, training: their names.
    """
    if name is None:
        yield None
        return
    tracker: Tracker = TRACKERS.call(name, folder, study, training)

    def log(row: Row) -> None:
        values = {shown: row[column] for column, shown in _SCALARS.items()}
        scalars = {shown: float(value) for shown, value in values.items() if value is not None}
        iteration = row["iteration"]
        assert iteration is not None  # every row has one
        tracker.log(scalars, int(iteration))

    try:
        yield log
    finally:
        tracker.close()
