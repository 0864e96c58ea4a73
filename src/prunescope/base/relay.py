"""How does work in another process report to the one the user watches?"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing.queues import Queue
from os import getpid
from threading import Thread
from typing import Any

from prunescope.base.progress import Progress, Task

_numbers = count()


class RemoteProgress(Progress):
    """Sends what it is told through a queue to the process that shows it."""

    def __init__(self, queue: "Queue[Any]") -> None:
        self._queue = queue

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        name = (getpid(), next(_numbers))
        self._queue.put(("open", name, description, total))
        try:
            yield _RemoteTask(self._queue, name)
        finally:
            self._queue.put(("close", name))

    def say(self, message: str) -> None:
        self._queue.put(("say", message))


class _RemoteTask(Task):
    def __init__(self, queue: "Queue[Any]", name: tuple[int, int]) -> None:
        self._queue = queue
        self._name = name

    def advance(self, count: int = 1, note: str = "") -> None:
        self._queue.put(("advance", self._name, count, note))


@contextmanager
def relaying(queue: "Queue[Any]", progress: Progress) -> Iterator[None]:
    """Show what comes through a queue for as long as the block lasts."""
    listener = Thread(target=_listen, args=(queue, progress), daemon=True)
    listener.start()
    try:
        yield
    finally:
        queue.put(None)
        listener.join()


def _listen(queue: "Queue[Any]", progress: Progress) -> None:
    open_tasks: dict[tuple[int, int], tuple[ExitStack, Task]] = {}
    while (message := queue.get()) is not None:
        match message:
            case "say", text:
                progress.say(text)
            case "open", name, description, total:
                stack = ExitStack()
                open_tasks[name] = stack, stack.enter_context(progress.task(description, total))
            case "advance", name, number, note:
                open_tasks[name][1].advance(number, note)
            case "close", name:
                open_tasks.pop(name)[0].close()
    for stack, _ in open_tasks.values():
        stack.close()
