"""How far along is the work, and how long will it take?"""

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

from prunescope.base.text import on_one_line, printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES = 15.0
_MOST = 10  # messages of one kind
Stream = TextIO | io.TextIOBase


class Task:
    """One piece of work of a known size; this one tells nobody."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Say that `count` more of the work is done; the note stands beside the bar."""


class Progress:
    """Where long functions report; this one is silent."""

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:  # noqa: ARG002
        """Open a piece of work of `total` parts, of which so many were done before."""
        yield Task()

    def say(self, message: str) -> None:
        """Tell the user something worth a line."""

    def say_all(self, *messages: str | None) -> None:
        """Tell the user each of some messages that are not None."""
        for message in messages:
            if message is not None:
                self.say(message)

    def say_first(self, messages: Iterable[str]) -> None:
        """Tell the user the first of many messages, each when it comes, and how many follow."""
        count = 0
        for count, message in enumerate(messages, 1):
            if count <= _MOST:
                self.say(message)
        if count > _MOST:
            self.say(f"... and {count - _MOST:,} more")

    def titled(self, title: str) -> "Progress":
        """Return the same, with a title before the description of every piece of work."""
        return _Titled(self, title)


class _Titled(Progress):
    def __init__(self, inner: Progress, title: str) -> None:
        self._inner = inner
        self._title = title

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        with self._inner.task(f"{self._title}: {description}", total, done=done) as task:
            yield task

    def say(self, message: str) -> None:
        self._inner.say(f"{self._title}: {message}")


SILENT = Progress()


class Watched(Progress):
    """Looks for something in the middle of work, every few seconds in which that advances.

    look: raises where the work is to end.
    """

    def __init__(self, inner: Progress, look: Callable[[], None], *, seconds: float = 5.0) -> None:
        self._inner = inner
        self._look = look
        self._seconds = seconds
        self._looked = time.monotonic()

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        with self._inner.task(description, total, done=done) as task:
            yield _WatchedTask(task, self._look_if_due)

    def say(self, message: str) -> None:
        self._inner.say(message)

    def _look_if_due(self) -> None:
        now = time.monotonic()
        if now - self._looked >= self._seconds:
            self._looked = now
            self._look()


class _WatchedTask(Task):
    def __init__(self, inner: Task, look: Callable[[], None]) -> None:
        self._inner = inner
        self._look = look

    def advance(self, count: int = 1, note: str = "") -> None:
        self._inner.advance(count, note)
        self._look()


class _LineTask(Task):
    def __init__(self, stream: Stream, description: str, total: int, before: int) -> None:
        self._stream = stream
        self._description = description
        self._total = total
        self._before = self._done = before
        self._started = self._last_line = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self._done += count
        now = time.monotonic()
        due = now - self._last_line >= _SECONDS_BETWEEN_LINES
        if due and self._before < self._done < self._total:
            self._last_line = now
            each = (now - self._started) / (self._done - self._before)
            left = each * (self._total - self._done)
            share = f"{100 * self._done / self._total:.0f} %"
            parts = [self._description, share, f"{duration(left)} left", note]
            print(
                on_one_line(" · ".join(part for part in parts if part)),
                file=self._stream,
                flush=True,
            )


class LineProgress(Progress):
    """Plain lines, at most one every few seconds, for logs and pipes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        yield _LineTask(self._stream, description, total, done)

    def say(self, message: str) -> None:
        print(printable(message), file=self._stream, flush=True)


class _BarTask(Task):
    def __init__(self, bars: "RichProgress", bar: "TaskID") -> None:
        self._bars = bars
        self._bar = bar

    def advance(self, count: int = 1, note: str = "") -> None:
        self._bars.update(self._bar, advance=count, note=on_one_line(note))


class BarProgress(Progress):
    """Bars with the time left, on a terminal; they are shown by whoever made them."""

    def __init__(self, bars: "RichProgress") -> None:
        self._bars = bars

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        bar = self._bars.add_task(on_one_line(description), total=total, completed=done, note="")
        try:
            yield _BarTask(self._bars, bar)
        finally:
            self._bars.remove_task(bar)

    def say(self, message: str) -> None:
        self._bars.console.print(printable(message), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_on(stream: Stream) -> Iterator[Progress]:
    """Give bars where the stream is a terminal that can draw them, plain lines elsewhere."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield LineProgress(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    console = Console(file=cast("TextIO", stream))
    with RichProgress(*columns, console=console, transient=True) as bars:
        yield BarProgress(bars)


def duration(seconds: float) -> str:
    """Write a time as people say it: "40 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
