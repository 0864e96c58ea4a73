"""Which processes share a stage with the one that performs it, and how do they come and go?"""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.context import SpawnProcess
from typing import Any

from prunescope.base.children import end_with, signals_held
from prunescope.base.devices import computing_with, gpus_of_job
from prunescope.base.errors import ProcessLost, PrunescopeError
from prunescope.base.ranks import Ranks, grouped
from prunescope.experiment.together import dismiss, follow

_HOST = "127.0.0.1"
_SECONDS_BETWEEN_LOOKS = 0.02
_SECONDS_TO_LEAVE = 10.0


@contextmanager
def helped(count: int) -> Iterator[Ranks]:
    """Let this process be the first of so many that show images to a network together.

    The others are on this machine, and end with the block or with this process. Each has a GPU of
    this job for itself where there are enough, and its share of the threads.
    Raises PrunescopeError where one of them ends before its work is done.
    """
    import torch
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    store = TCPStore(_HOST, 0, is_master=True, wait_for_workers=False)
    threads = max(1, torch.get_num_threads() // count)
    gpus = _spread(gpus_of_job(), count)
    context = multiprocessing.get_context("spawn")
    helpers = [
        context.Process(target=_help, args=(os.getpid(), store.port, rank, count, threads, gpus))
        for rank in range(1, count)
    ]
    try:
        with signals_held():
            for helper in helpers:
                helper.start()
        _await(store, helpers)
        with computing_with(threads), _group(store, 0, count, gpus) as ranks:
            yield ranks
            dismiss(ranks)
        for helper in helpers:
            helper.join(_SECONDS_TO_LEAVE)
    except ProcessLost as error:
        raise PrunescopeError(
            f"one of the {count} processes that shared it was lost ({error}); the same call goes "
            "on from its last checkpoint"
        ) from error
    finally:
        for helper in helpers:
            if helper.pid is not None:
                helper.kill()
                helper.join()


def _spread(gpus: Sequence[int], count: int) -> list[int | None]:
    """Return the GPU of each process, in turn; None for each where there are none."""
    return [gpus[rank % len(gpus)] if gpus else None for rank in range(count)]


@contextmanager
def _group(store: Any, rank: int, count: int, gpus: Sequence[int | None]) -> Iterator[Ranks]:
    alone = len(set(gpus)) == count
    with grouped(store, rank=rank, count=count, gpu=gpus[rank], gpu_alone=alone) as ranks:
        yield ranks


def _await(store: Any, helpers: Sequence[SpawnProcess]) -> None:
    """Wait until all are there. Raises ProcessLost for one that ended before."""
    for rank, helper in enumerate(helpers, start=1):
        while not store.check([_sign(rank)]):
            if not helper.is_alive():
                raise ProcessLost(f"process {rank} ended with status {helper.exitcode}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _sign(rank: int) -> str:
    return f"process {rank} is there"


def _help(
    parent: int, port: int, rank: int, count: int, threads: int, gpus: Sequence[int | None]
) -> None:
    """Do what the first process calls for, until it needs this one no more."""
    end_with(parent)
    import torch
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    torch.set_num_threads(threads)
    store = TCPStore(_HOST, port, is_master=False)
    store.set(_sign(rank), "")
    with suppress(Exception), _group(store, rank, count, gpus) as ranks:  # the first is told why
        follow(ranks)
