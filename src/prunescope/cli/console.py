"""How does a command speak to its user?"""

import atexit
import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from prunescope.base.progress import SILENT, Progress, progress_on
from prunescope.base.ranks import is_first
from prunescope.base.text import printable

_SECONDS_FOR_FIRST = 20.0


@contextmanager
def progress_shown(shown: bool = True) -> Iterator[Progress]:
    """Give a progress that is shown on standard error, or not at all."""
    if not shown:
        yield SILENT
        return
    with progress_on(sys.stderr) as progress:
        yield progress


@contextmanager
def without_collecting() -> Iterator[None]:
    """Look for no garbage in cycles while the block lasts, nor when the process ends.

    A command that keeps a hundred thousand objects for a second spends a fifth of it looking.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    atexit.register(gc.freeze)  # before Python looks through them all for the last time
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def print_result(values: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result on standard output: for a program as one line of JSON, or for a person."""
    typer.echo(json.dumps(values, allow_nan=False) if as_json else printable(text))


def warn(message: str) -> None:
    """Print a warning on standard error."""
    typer.echo(f"warning: {printable(message)}", err=True)


def stop(message: str, status: int) -> None:
    """Say on standard error why a command cannot go on, and end it."""
    leave_the_word_to_first()
    typer.echo(f"prunescope: {printable(message)}", err=True)
    sys.exit(status)


def leave_the_word_to_first() -> None:
    """Wait for torchrun to end this process, if another one speaks for all.

    The first process mostly ends for the same reason, or was told of this one's; torchrun then ends
    the others. If it does not, this one has to speak for itself.
    """
    if not is_first():
        time.sleep(_SECONDS_FOR_FIRST)
