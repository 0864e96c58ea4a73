"""How does work run on this machine?"""

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Generic, cast

from prunescope.base.devices import default_workers, gpu_count, usable_cores
from prunescope.base.errors import ConfigError, PrunescopeError
from prunescope.base.progress import Progress
from prunescope.base.relay import RemoteProgress, relaying
from prunescope.engines.engine import Engine, Outcome, W, in_order, without_dependants

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VISIBLE = "CUDA_VISIBLE_DEVICES"


def make(workers: int | None, independent: int) -> Engine:
    """Return the engine of this machine.

    workers: processes; None takes as many as is sensible for so many independent chains of work.
    """
    return LocalEngine(workers or default_workers(independent))


class LocalEngine:
    """Runs works in this process, or in several worker processes in parallel.

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

    def run(
        self,
        works: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
        progress: Progress,
    ) -> None:
        """Perform every work but those that need one that failed, as `Engine` says.

        Raises ValueError for works that wait for each other, or for one that is not there. A
        worker that dies takes its work with it, and another takes its place.
        """
        ordered = in_order(works)
        if self.workers == 1:
            _perform_here(ordered, perform, finish, fail, progress)
        elif ordered:
            context = multiprocessing.get_context("spawn")
            count = min(self.workers, len(ordered))
            with (
                relaying(progress, context) as remote,
                _staff(context, count, self.threads, remote) as staff,
            ):
                _Shift(staff, ordered, perform, finish, fail).work()


def _perform_here(
    works: list[W],
    perform: Callable[[W, Progress], Outcome],
    finish: Callable[[W, Outcome], None],
    fail: Callable[[W, Exception], None],
    progress: Progress,
) -> None:
    while works:
        work, *works = works
        try:
            outcome = perform(work, progress)
        except Exception as error:  # noqa: BLE001  # handed on to whoever runs this
            fail(work, error)
            works = without_dependants(works, work)
        else:
            finish(work, outcome)


@dataclass(kw_only=True)
class _Worker:
    """A process that performs works. number: its place among the workers."""

    number: int
    process: SpawnProcess
    connection: Connection


@dataclass(kw_only=True)
class _Staff:
    """Worker processes; one that died can be replaced."""

    context: SpawnContext
    threads: int
    remote: RemoteProgress
    workers: list[_Worker] = field(default_factory=list)

    def hire(self, number: int) -> _Worker:
        """Start a worker.

        No ProcessPoolExecutor: of Python 3.11 it may not notice that its youngest worker died.
        """
        here, there = self.context.Pipe()
        duties = os.getpid(), self.threads, self.remote
        process = self.context.Process(target=_serve, args=(there, *duties))
        worker = _Worker(number=number, process=process, connection=here)
        with _signals_held(), _seeing_gpu(number):
            process.start()
        there.close()
        self.workers.append(worker)
        return worker

    def dismiss(self, worker: _Worker) -> None:
        """End a worker, if it lives."""
        self.workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


@contextmanager
def _staff(
    context: SpawnContext, count: int, threads: int, remote: RemoteProgress
) -> Iterator[_Staff]:
    """Give so many workers; none of them outlives the block."""
    staff = _Staff(context=context, threads=threads, remote=remote)
    try:
        for number in range(count):
            staff.hire(number)
        yield staff
    finally:
        for worker in list(staff.workers):
            staff.dismiss(worker)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back the signals that stop a study; processes started here never see them.

    Ctrl-C reaches the whole group: the parent decides, and its workers end with it.
    """
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


@contextmanager
def _seeing_gpu(number: int) -> Iterator[None]:
    """Let processes started here see one of several GPUs, in turn by their number."""
    count, former = gpu_count(), os.environ.get(_VISIBLE)
    if count < 2:
        yield
        return
    names = former.split(",") if former else [str(index) for index in range(count)]
    os.environ[_VISIBLE] = names[number % count]
    try:
        yield
    finally:
        if former is None:
            del os.environ[_VISIBLE]
        else:
            os.environ[_VISIBLE] = former


class _Shift(Generic[W, Outcome]):
    """Works that a staff performs until none is left that can be done."""

    def __init__(
        self,
        staff: _Staff,
        works: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
    ) -> None:
        self._staff = staff
        self._waiting = list(works)
        self._perform = perform
        self._finish = finish
        self._fail = fail
        self._idle = list(staff.workers)
        self._busy: dict[Connection, tuple[_Worker, W]] = {}
        self._finished: set[str] = set()

    def work(self) -> None:
        """Perform all works."""
        while self._waiting or self._busy:
            self._hand_out()
            for connection in cast("list[Connection]", wait(self._busy)):
                self._take_back(connection)

    def _hand_out(self) -> None:
        ready = [work for work in self._waiting if self._finished.issuperset(work.after)]
        for work in ready[: len(self._idle)]:
            worker = self._idle.pop()
            self._waiting.remove(work)
            self._busy[worker.connection] = worker, work
            with suppress(BrokenPipeError):  # of a worker that died; it will not answer either
                worker.connection.send((self._perform, work))

    def _take_back(self, connection: Connection) -> None:
        worker, work = self._busy.pop(connection)
        try:
            answer = connection.recv()
        except (EOFError, ConnectionError):
            self._staff.dismiss(worker)
            self._idle.append(self._staff.hire(worker.number))
            answer = _Failure(error=_died())
        else:
            self._idle.append(worker)
        if isinstance(answer, _Failure):
            self._fail(work, answer.error)
            self._waiting = without_dependants(self._waiting, work)
        else:
            self._finish(work, answer)
            self._finished.add(work.name)


def _died() -> PrunescopeError:
    return PrunescopeError(
        "a worker process died before its work was done. If memory ran out, take fewer "
        "workers; a script that starts workers must do so under "
        'if __name__ == "__main__". The same call goes on from here'
    )


@dataclass(frozen=True, kw_only=True)
class _Failure:
    error: Exception


def _serve(connection: Connection, parent: int, threads: int, remote: Progress) -> None:
    """Perform what comes through the connection, for as long as the parent lives."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    import torch

    torch.set_num_threads(threads)
    with suppress(EOFError):
        while True:
            perform, work = connection.recv()
            connection.send(_attempt(perform, work, remote))


def _attempt(perform: Callable[[W, Progress], Any], work: W, remote: Progress) -> Any:
    try:
        return perform(work, remote)
    except Exception as error:  # handed on to the parent  # noqa: BLE001
        error.add_note("".join(traceback.format_exception(error)))
        return _Failure(error=error)
