"""How do several processes draw one set?

A worker is this module run as a program, so that a script of the user's needs no guard for it.
It speaks lines of JSON: it reads what to draw, reports every picture, sends its tally, reads the
label numbers of the whole set, saves its label maps, and sends their rows of index.csv.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from prunescope.base.errors import StoreError
from prunescope.concepts.scenery.writer import (
    Commission,
    Row,
    Tally,
    draw_sheets,
    number_concepts,
    save_maps,
    save_tables,
    tally_sheets,
)


def draw_set(
    root: Path, commission: Commission, *, workers: int, advance: Callable[[], None]
) -> None:
    """Draw a whole set into `root`; no byte of it depends on the number of workers.

    advance: called after each picture. Raises StoreError where a worker fails.
    """
    if workers > 1:
        tally, rows = _draw_together(root, commission, workers, advance)
    else:
        sheets = draw_sheets(root, commission, commission.pictures(), advance)
        tally = tally_sheets(sheets, commission)
        rows = save_maps(root, sheets, number_concepts(tally))
    save_tables(root, tally, rows)


class _Worker:
    """A process that draws a share of a set; ended at the latest when its `with` block is left."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    def send(self, message: object) -> None:
        """Send one message; that a worker has ended is noticed on receiving."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def receive(self) -> Any:
        """Return the next message; StoreError, with the worker's last words, if it has ended."""
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return json.loads(line)
        _, words = self._process.communicate()
        reason = [f"exit status {self._process.returncode}", *words.strip().splitlines()][-1]
        raise StoreError(f"drawing the scenes failed: {reason}")


def _draw_together(
    root: Path, commission: Commission, count: int, advance: Callable[[], None]
) -> tuple[Tally, list[Row]]:
    total = len(commission.pictures())
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker()) for _ in range(count)]
        for share, worker in enumerate(workers):
            worker.send([str(root), asdict(commission), share, count])
        for step in range(total):
            workers[step % count].receive()
            advance()
        pictures, cells = np.sum([worker.receive() for worker in workers], axis=0)
        tally = Tally(
            pictures=pictures, cells=cells, cells_per_picture=commission.cells_per_picture
        )
        for worker in workers:
            worker.send(number_concepts(tally).tolist())
        shares = [worker.receive() for worker in workers]
    return tally, [shares[step % count][step // count] for step in range(total)]


def _serve() -> None:
    root, settings, share, count = json.loads(sys.stdin.readline())
    commission = Commission(**settings)
    pictures = commission.pictures()[share::count]
    sheets = draw_sheets(Path(root), commission, pictures, lambda: _report(None))
    tally = tally_sheets(sheets, commission)
    _report([tally.pictures.tolist(), tally.cells.tolist()])
    numbers = np.array(json.loads(sys.stdin.readline()), dtype=np.int64)
    _report(save_maps(Path(root), sheets, numbers))


def _report(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
