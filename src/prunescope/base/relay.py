"""How does work in another process report to the one the user watches?"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from threading import Thread
from typing import Any

from prunescope.base.progress import Progress, Task

_Name = tuple[int, int]


class RemoteProgress(Progress):
    """Tells another process what it is told; it may travel to a process as that is started.

    send: takes any message. lock: held while sending, so that many processes may share a way.
    """

    def __init__(self, send: Callable[[Any], None], lock: AbstractContextManager[bool]) -> None:
        self._send = send
        self._lock = lock
        self._opened = 0

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        self._opened += 1
        name = (os.getpid(), self._opened)
        self.tell("open", name, description, total, done)
        try:
            yield _RemoteTask(self, name)
        finally:
            self.tell("close", name)

    def say(self, message: str) -> None:
        self.tell("say", message)

    def tell(self, *message: Any) -> None:
        """Send a message whole."""
        with self._lock:
            self._send(message)


class _RemoteTask(Task):
    def __init__(self, progress: RemoteProgress, name: _Name) -> None:
        self._progress = progress
        self._name = name

    def advance(self, count: int = 1, note: str = "") -> None:
        self._progress.tell("advance", self._name, count, note)


@contextmanager
def relaying(progress: Progress, context: BaseContext) -> Iterator[RemoteProgress]:
    """Show what other processes report, for as long as the block lasts.

    Gives what to hand to those processes as they are started; they must have ended with the block.
    There is no queue in between: a process killed while it writes to one leaves it locked, and
    whoever waits for it waits forever. A pipe ends when nobody is left who could write to it.
    """
    reader, writer = context.Pipe(duplex=False)
    listener = Thread(target=_listen, args=(reader, progress), daemon=True)
    listener.start()
    try:
        yield RemoteProgress(writer.send, context.Lock())
    finally:
        writer.close()
        listener.join()


def _listen(reader: Connection, progress: Progress) -> None:
    tasks: dict[_Name, tuple[ExitStack, Task]] = {}
    with reader:
        for message in _messages(reader):
            match message:
                case "say", text:
                    progress.say(text)
                case "open", name, description, total, done:
                    stack = ExitStack()
                    opened = stack.enter_context(progress.task(description, total, done=done))
                    tasks[name] = stack, opened
                case "advance", name, number, note:
                    tasks[name][1].advance(number, note)
                case "close", name:
                    tasks.pop(name)[0].close()
    for stack, _ in tasks.values():
        stack.close()


def _messages(reader: Connection) -> Iterator[Any]:
    while True:
        try:
            yield reader.recv()
        except (EOFError, OSError):  # nobody can write any more; the last may have been cut short
            return
