"""How does work run on this machine?"""

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from prunescope.base.devices import usable_cores
from prunescope.base.errors import ConfigError, PrunescopeError
from prunescope.base.progress import Progress
from prunescope.base.relay import relaying
from prunescope.engines import Outcome, W

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LocalEngine:
    """Runs work in this process, or in several worker processes beside each other.

    workers: processes; with more than one, each takes an equal share of the cores as its threads.
    Two small trainings beside each other finish sooner than one after the other on two threads.
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
        progress: Progress,
    ) -> None:
        """Perform every work after those it needs, else in the order given.

        An error in one work ends the others and is raised. Raises ValueError for works that wait
        for each other, or for one that is not there; PrunescopeError where a worker dies.
        """
        ordered = _in_order(works)
        if self.workers == 1:
            for work in ordered:
                finish(work, perform(work, progress))
            return
        with self._staff(min(self.workers, len(ordered)), progress) as staff:
            _perform_all(staff, ordered, perform, finish)

    @contextmanager
    def _staff(self, count: int, progress: Progress) -> Iterator[list[Connection]]:
        """Give connections to as many workers; none of them outlives the block.

        No ProcessPoolExecutor: of Python 3.11 it may not notice that its youngest worker died.
        """
        context = multiprocessing.get_context("spawn")
        with relaying(progress, context) as remote:
            pipes = [context.Pipe() for _ in range(count)]
            duties = os.getpid(), self.threads, remote
            workers = [context.Process(target=_serve, args=(end, *duties)) for _, end in pipes]
            try:
                with _signals_held():
                    for worker, (_, end) in zip(workers, pipes, strict=True):
                        worker.start()
                        end.close()
                yield [connection for connection, _ in pipes]
            finally:
                for worker in workers:
                    if worker.pid is not None:
                        worker.kill()
                        worker.join()


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


def _in_order(works: Sequence[W]) -> list[W]:
    waiting = list(works)
    ordered: list[W] = []
    names: set[str] = set()
    while waiting:
        ready = next((work for work in waiting if names.issuperset(work.after)), None)
        if ready is None:
            raise ValueError(f"no order satisfies {', '.join(work.name for work in waiting)}")
        waiting.remove(ready)
        ordered.append(ready)
        names.add(ready.name)
    return ordered


def _perform_all(
    staff: list[Connection],
    works: Sequence[W],
    perform: Callable[[W, Progress], Outcome],
    finish: Callable[[W, Outcome], None],
) -> None:
    waiting, idle = list(works), list(staff)
    busy: dict[Connection, W] = {}
    finished: set[str] = set()
    while waiting or busy:
        ready = [work for work in waiting if finished.issuperset(work.after)]
        for work in ready[: len(idle)]:
            waiting.remove(work)
            busy[idle[-1]] = work
            with suppress(BrokenPipeError):  # of a worker that died; it will not answer either
                idle.pop().send((perform, work))
        for worker in cast("list[Connection]", wait(busy)):
            work = busy.pop(worker)
            finish(work, _answer(worker))
            finished.add(work.name)
            idle.append(worker)


def _answer(worker: Connection) -> Any:
    try:
        answer = worker.recv()
    except (EOFError, ConnectionError) as error:
        raise PrunescopeError(
            "a worker process died before its work was done. If memory ran out, take fewer "
            "workers; a script that starts workers must do so under "
            'if __name__ == "__main__". The same call goes on from here'
        ) from error
    if isinstance(answer, _Failure):
        raise answer.error
    return answer


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
    except Exception as error:  # raised again in the parent  # noqa: BLE001
        error.add_note("".join(traceback.format_exception(error)))
        return _Failure(error=error)
