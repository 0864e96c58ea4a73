"""How does work run on this machine?"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from threading import Lock
from typing import Any, Generic, cast

from prunescope.base.children import end_with, signals_held
from prunescope.base.devices import default_workers, gpu_count, usable_cores
from prunescope.base.errors import ConfigError, PrunescopeError
from prunescope.base.progress import Progress
from prunescope.base.stopping import Stopped, end_now, stoppable, uninterrupted
from prunescope.engines.engine import (
    Audience,
    Engine,
    Outcome,
    RemoteProgress,
    W,
    attempt,
    in_order,
    without_dependants,
)

_TO_A_WORKER = signal.SIGUSR2  # which nobody else sends
_SECONDS_TO_LEAVE = 8.0  # for a worker that was told to stop
_VISIBLE = "CUDA_VISIBLE_DEVICES"


def make(workers: int | None, independent: int, address: str | None = None) -> Engine:
    """Return the engine of this machine.

    workers: processes; None takes as many as suit so many independent chains of work.
    Raises ConfigError for an address, which is of a cluster.
    """
    if address is not None:
        raise ConfigError(f"the address {address} is of a cluster: give --engine ray, too")
    return LocalEngine(workers or default_workers(independent))


class LocalEngine:
    """Runs jobs in this process, or in several worker processes in parallel.

    workers: processes; with more than one, each takes an equal share of the cores as its threads,
        and of several GPUs one, in turn. Two small trainings in parallel finish sooner than one
        after the other on two threads.
    """

    def __init__(self, workers: int = 1) -> None:
        if workers < 1:
            raise ConfigError(f"the number of workers is {workers}, but must be at least 1")
        self.workers = workers

    @property
    def threads(self) -> int:
        """Return how many threads each of its processes computes with."""
        if self.workers == 1:
            import torch

            return torch.get_num_threads()
        return max(1, usable_cores() // self.workers)

    @property
    def gpus(self) -> int:
        """Return how many GPUs this machine has."""
        return gpu_count()

    def run(
        self,
        jobs: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
        progress: Progress,
    ) -> None:
        """Perform every job but those that need one that failed, as `Engine` says.

        Raises ValueError for jobs that wait for each other, or for one that is absent. The job of
        a worker that dies fails, and another worker is started.
        """
        ordered = in_order(jobs)
        if self.workers == 1:
            _perform_here(ordered, perform, finish, fail, progress)
        else:
            gpus = max((job.resources.gpus for job in ordered), default=0)
            start = partial(_Worker, gpus=max(1, gpus), threads=self.threads, progress=progress)
            shift = _Shift(ordered, perform, finish, fail, start)
            shift.work(min(self.workers, len(ordered)))


def _perform_here(
    jobs: list[W],
    perform: Callable[[W, Progress], Outcome],
    finish: Callable[[W, Outcome], None],
    fail: Callable[[W, Exception], None],
    progress: Progress,
) -> None:
    while jobs:
        job, *jobs = jobs
        try:
            outcome = perform(job, progress)
        except Exception as error:  # noqa: BLE001  # handed on to whoever runs this
            fail(job, error)
            jobs = without_dependants(jobs, job)
        else:
            finish(job, outcome)


class _Worker:
    """A process that performs works. number: its index, which chooses its GPUs.

    No ProcessPoolExecutor: in Python 3.11 it may not notice that its youngest worker died. Reports
    and answers share the one pipe of a worker. A queue of several has a lock, and a process that is
    killed while it holds it would stop all others.
    """

    def __init__(self, number: int, *, gpus: int, threads: int, progress: Progress) -> None:
        context = multiprocessing.get_context("spawn")
        self.number = number
        self.connection, theirs = context.Pipe()
        self.audience = Audience(progress)
        self._process = context.Process(target=_serve, args=(theirs, os.getpid(), threads))
        with signals_held(), _seeing_gpus(number, gpus):
            self._process.start()
        theirs.close()

    def tell_to_stop(self) -> None:
        """Let the process leave, if it lives, after writing a checkpoint."""
        if self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, _TO_A_WORKER)

    def end(self) -> None:
        """End the process, if it lives, and the tasks that it left open."""
        self._process.kill()
        self._process.join()
        self.connection.close()
        self.audience.close()


@contextmanager
def _seeing_gpus(number: int, each: int) -> Iterator[None]:
    """Let processes started here see so many of several GPUs, in turn by their number."""
    count, former = gpu_count(), os.environ.get(_VISIBLE)
    if count < 2:
        yield
        return
    names = former.split(",") if former else [str(index) for index in range(count)]
    own = [names[(number * each + index) % count] for index in range(each)]
    os.environ[_VISIBLE] = ",".join(own)
    try:
        yield
    finally:
        if former is None:
            del os.environ[_VISIBLE]
        else:
            os.environ[_VISIBLE] = former


class _Shift(Generic[W, Outcome]):
    """Works that workers perform until none is left that can be done."""

    def __init__(
        self,
        jobs: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
        start: Callable[[int], _Worker],
    ) -> None:
        self._start = start
        self._waiting = list(jobs)
        self._perform = perform
        self._finish = finish
        self._fail = fail
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, W]] = {}
        self._finished: set[str] = set()

    def work(self, count: int) -> None:
        """Perform all jobs with so many workers, none of which outlives this."""
        try:
            for number in range(count):
                self._idle.append(self._start(number))
            self._hand_out()
            while self._busy:
                for connection in cast("list[Connection]", wait(self._busy)):
                    self._take(connection)
        except (Stopped, KeyboardInterrupt):
            with uninterrupted():
                self._let_leave()
            raise
        finally:
            for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
                worker.end()

    def _hand_out(self) -> None:
        ready = [job for job in self._waiting if self._finished.issuperset(job.after)]
        for job in ready[: len(self._idle)]:
            worker = self._idle.pop()
            self._waiting.remove(job)
            self._busy[worker.connection] = worker, job
            with suppress(BrokenPipeError):  # of a worker that died; it will not answer either
                worker.connection.send((self._perform, job))

    def _take(self, connection: Connection) -> None:
        """Take what a worker sent: an event, or how its job ended. Replace it where it died."""
        worker, job = self._busy[connection]
        kind, content = _received(connection)
        if kind == "event":
            worker.audience.receive(content)
            return
        del self._busy[connection]
        if kind == "death":
            worker.end()
            worker = self._start(worker.number)
        self._idle.append(worker)
        if kind == "outcome":
            self._finish(job, content)
            self._finished.add(job.name)
        else:
            self._fail(job, content)
            self._waiting = without_dependants(self._waiting, job)
        self._hand_out()

    def _let_leave(self) -> None:
        """Tell all workers to stop, and take what they still send, for a few seconds."""
        for worker, _ in self._busy.values():
            worker.tell_to_stop()
        deadline = time.monotonic() + _SECONDS_TO_LEAVE
        while self._busy and (left := deadline - time.monotonic()) > 0:
            for connection in cast("list[Connection]", wait(self._busy, left)):
                worker, job = self._busy[connection]
                kind, content = _received(connection)
                if kind == "event":
                    worker.audience.receive(content)
                    continue
                del self._busy[connection]
                self._idle.append(worker)
                if kind == "outcome":
                    self._finish(job, content)


def _received(connection: Connection) -> tuple[str, Any]:
    """Return what a worker sent; "death" where the last message was cut short, or is none."""
    try:
        kind, content = connection.recv()
    except (EOFError, OSError):
        return "death", _died()
    return kind, content


def _died() -> PrunescopeError:
    return PrunescopeError(
        "a worker process died before its work was done. If memory ran out, take fewer "
        "workers; a script that starts workers must do so under "
        'if __name__ == "__main__". The same call goes on from here'
    )


def _serve(connection: Connection, parent: int, threads: int) -> None:
    """Perform what comes through the connection, for as long as the parent lives."""
    end_with(parent)
    import torch

    torch.set_num_threads(threads)
    lock = Lock()  # of threads that report at once

    def send(message: tuple[str, Any]) -> None:
        with lock:
            connection.send(message)

    progress = RemoteProgress(lambda event: send(("event", event)))
    try:
        with suppress(EOFError), stoppable((_TO_A_WORKER,), seconds=_SECONDS_TO_LEAVE):
            while True:
                perform, job = connection.recv()
                send(attempt(perform, job, progress))
    except Stopped as stopped:
        end_now(stopped.status)
