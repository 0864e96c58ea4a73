"""Runs of Trackio, in its store on this machine (`trackio show`)."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError

PACKAGE = "trackio"


class Trackio:
    """Hands the scalars of one training to a run of Trackio, whose API is that of Weights & Biases.

    What Trackio prints goes to standard error, so that standard output has results alone.
    """

    def __init__(self, project: str, name: str, config: Mapping[str, str]) -> None:
        import trackio

        with redirect_stdout(sys.stderr):
            try:
                self._run: Any = trackio.init(
                    project=project,
                    name=name,
                    config=dict(config),
                    embed=False,
                    auto_log_cpu=False,
                    auto_log_gpu=False,
                )
            except ValueError as error:  # of names that it keeps for itself
                raise ConfigError(
                    f'Trackio takes no study of the name "{project}": give it another, or leave '
                    f"out training.track ({error})"
                ) from None

    def log(self, scalars: Mapping[str, float], iteration: int) -> None:
        """Hand over scalars at an iteration."""
        with redirect_stdout(sys.stderr):
            self._run.log(dict(scalars), step=iteration)

    def close(self) -> None:
        """Finish the run."""
        with redirect_stdout(sys.stderr):
            self._run.finish()


def open_tracker(folder: Path, study: str, training: str) -> Trackio:
    """Begin a run of a training, named after it, in the project of the study's name.

    Nothing of the store is removed: a training that was stopped leaves its run as it was.
    """
    return Trackio(study, training, {"folder": str(folder.absolute().parent)})
