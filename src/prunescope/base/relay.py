"""How does work in another process, or on another machine, report to the one the user watches?"""

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from threading import Thread
from typing import Any

from prunescope.base.progress import Progress, Task

Event = tuple[Any, ...]
"""What happened: its kind, then plain values. It travels in whatever way an engine has."""


class RemoteProgress(Progress):
    """Turns what it is told into events.

    send: takes each event, whole; it must be safe to call from several processes.
    """

    def __init__(self, send: Callable[[Event], None]) -> None:
        self._send = send
        self._numbers = itertools.count()

    def __reduce__(self) -> Any:
        return RemoteProgress, (self._send,)

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        name = f"{socket.gethostname()} {os.getpid()} {next(self._numbers)}"
        self._send(("open", name, description, total, done))
        try:
            yield _RemoteTask(self._send, name)
        finally:
            self._send(("close", name))

    def say(self, message: str) -> None:
        self._send(("say", message))


class _RemoteTask(Task):
    def __init__(self, send: Callable[[Event], None], name: str) -> None:
        self._send = send
        self._name = name

    def advance(self, count: int = 1, note: str = "") -> None:
        self._send(("advance", self._name, count, note))


class Audience:
    """Shows the events of other processes on a progress; tasks left open are closed at the end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, tuple[ExitStack, Task]] = {}

    def receive(self, event: Event) -> None:
        """Show one event. Events of a task that was never opened, or is closed, are passed over."""
        match event:
            case "say", text:
                self._progress.say(text)
            case "open", name, description, total, done:
                stack = ExitStack()
                task = stack.enter_context(self._progress.task(description, total, done=done))
                self._tasks[name] = stack, task
            case "advance", name, number, note if name in self._tasks:
                self._tasks[name][1].advance(number, note)
            case "close", name if name in self._tasks:
                self._tasks.pop(name)[0].close()

    def close(self) -> None:
        """Close the tasks of processes that ended before they could."""
        for stack, _ in self._tasks.values():
            stack.close()
        self._tasks.clear()


@contextmanager
def relaying(progress: Progress, context: BaseContext) -> Iterator[RemoteProgress]:
    """Show what other processes of this machine report, for as long as the block lasts.

    Gives what to hand to those processes as they are started; they must have ended with the block.
    There is no queue in between: a process killed while it writes to one leaves it locked, and
    whoever waits for it waits forever. A pipe ends when nobody is left who could write to it.
    """
    reader, writer = context.Pipe(duplex=False)
    listener = Thread(target=_listen, args=(reader, Audience(progress)), daemon=True)
    listener.start()
    try:
        yield RemoteProgress(_Pipe(writer, context.Lock()))
    finally:
        writer.close()
        listener.join()


@dataclass(frozen=True)
class _Pipe:
    """The end of a pipe that several processes write to, one at a time."""

    writer: Connection
    lock: AbstractContextManager[bool]

    def __call__(self, event: Event) -> None:
        with self.lock:
            self.writer.send(event)


def _listen(reader: Connection, audience: Audience) -> None:
    with reader:
        for event in _events(reader):
            audience.receive(event)
    audience.close()


def _events(reader: Connection) -> Iterator[Event]:
    while True:
        try:
            yield reader.recv()
        except (EOFError, OSError):  # nobody can write any more; the last may have been cut short
            return
