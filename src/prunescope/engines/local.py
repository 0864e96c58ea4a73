"""How does work run on this machine?"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.queues import Queue
from typing import Any

from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.base.relay import RemoteProgress, relaying
from prunescope.engines import Outcome, W

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class LocalEngine:
    """Runs work in this process, or in several worker processes beside each other.

    workers: processes; with more than one, each takes an equal share of the cores as its threads.
    Two small trainings beside each other finish sooner than one after the other on two threads.
    """

    def __init__(self, workers: int = 1) -> None:
        if workers < 1:
            raise ConfigError(f"the number of workers is {workers}, but must be at least 1")
        self._workers = workers

    @property
    def threads(self) -> int:
        """Return how many threads each of its processes computes with."""
        if self._workers == 1:
            import torch

            return torch.get_num_threads()
        return max(1, (os.cpu_count() or 1) // self._workers)

    def run(
        self,
        works: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        progress: Progress,
    ) -> None:
        """Perform every work after those it needs; an error in one ends the run."""
        if self._workers == 1:
            for work in works:
                finish(work, perform(work, progress))
            return
        context = multiprocessing.get_context("spawn")
        messages = context.Queue()
        pool = ProcessPoolExecutor(
            self._workers,
            mp_context=context,
            initializer=_begin_worker,
            initargs=(os.getpid(), self.threads, messages),
        )
        with relaying(messages, progress), pool:
            try:
                _perform_all(pool, works, perform, finish)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in multiprocessing.active_children():
                    worker.terminate()
                raise


def _perform_all(
    pool: ProcessPoolExecutor,
    works: Sequence[W],
    perform: Callable[[W, Progress], Outcome],
    finish: Callable[[W, Outcome], None],
) -> None:
    waiting = list(works)
    finished: set[str] = set()
    running: dict[Future[Outcome], W] = {}
    while waiting or running:
        ready = [work for work in waiting if finished.issuperset(work.after)]
        waiting = [work for work in waiting if not finished.issuperset(work.after)]
        running |= {pool.submit(_perform_here, perform, work): work for work in ready}
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            work = running.pop(future)
            finish(work, future.result())
            finished.add(work.name)


_messages: "Queue[Any] | None" = None  # a worker process has one way to report


def _begin_worker(parent: int, threads: int, messages: "Queue[Any]") -> None:
    global _messages  # noqa: PLW0603
    _messages = messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    import torch

    torch.set_num_threads(threads)


def _perform_here(perform: Callable[[W, Progress], Outcome], work: W) -> Outcome:
    assert _messages is not None  # set when the worker began
    return perform(work, RemoteProgress(_messages))
