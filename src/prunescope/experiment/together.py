"""How do the processes that torchrun started run one study together?

The first runs it as a single process does: it alone decides what comes next, writes, locks and
speaks. Where images are shown to a network it calls on the others, which show their part of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from prunescope.base.errors import (
    ConfigError,
    ProcessLost,
    PrunescopeError,
    TrainingDiverged,
    memory_ran_out,
    reason_of,
)
from prunescope.base.ranks import Ranks, joined
from prunescope.base.stopping import uninterrupted

Result = TypeVar("Result")
Call = Callable[[Ranks], object]
"""What a process does when it is called on; it is pickled on its way."""

_MEMORY_ADVICE = "memory ran out: take a smaller batch_size, or more processes with memory each"


@dataclass(frozen=True)
class _Done:
    result: Any


def led_by_first(lead: Callable[[Ranks], Result]) -> Result:
    """Return in every process what `lead` returns in the first, which the others help.

    An error of the first is its own: the others, which wait for its next call, get ProcessLost.
    """
    with joined() as ranks:
        if ranks.rank > 0:
            return cast("Result", follow(ranks))
        result = lead(ranks)
        dismiss(ranks, result)
        return result


def together(ranks: Ranks, own: Callable[[], Result], others: Call) -> Result:
    """Return what this process, the first, gets from its part of a work.

    others: the part of each of the other processes.
    Raises TrainingDiverged, which all find alike and after which they can do other work, and
    ProcessLost for any other error, since the others may wait for this process in the middle of
    their part.
    """
    if ranks.count == 1:
        return own()
    ranks.first(others)
    try:
        return own()
    except (TrainingDiverged, ProcessLost):
        raise
    except Exception as error:
        raise ProcessLost(f"process 0 of {ranks.count} ended: {_reason_of(error)}") from error


def check_one_worker(
    ranks: Ranks,
    workers: int | None,
    engine: str,
    sharing: int = 1,
    *,
    gpus: int | None = None,
    address: str | None = None,
) -> None:
    """Raise ConfigError where processes that share each training should also be workers.

    sharing: how many processes the recipe asks for to share each.
    """
    if ranks.count == 1:
        return
    if sharing > 1:
        raise ConfigError(
            f"resources asks for {sharing} processes, but torchrun has started {ranks.count}, "
            "which share each training: leave out resources, or start without torchrun"
        )
    if workers not in (None, 1):
        raise ConfigError(
            f"workers is {workers}, but torchrun has started {ranks.count} processes, which share "
            "each training, one after the other: leave out workers, or start without torchrun"
        )
    if gpus is not None:
        raise ConfigError(
            f"gpus is {gpus}, but torchrun has started {ranks.count} processes, one for each GPU "
            "that it was told of (--nproc-per-node): leave out gpus, or start without torchrun"
        )
    if engine != "local":
        raise ConfigError(
            f'the engine is "{engine}", but torchrun has started {ranks.count} processes, which '
            "share each training: leave out the engine, or start without torchrun"
        )
    if address is not None:
        raise ConfigError(
            f"the address {address} is of a cluster, but torchrun has started {ranks.count} "
            "processes, which share each training: leave out the address, or start without torchrun"
        )


def dismiss(ranks: Ranks, result: object = None) -> None:
    """Tell the others that the first process needs them no more. result: what they return."""
    ranks.first(_Done(result))


def follow(ranks: Ranks) -> Any:
    """Do what the first process calls for until it is done; return its result.

    Told to stop, go on until the first process has stopped, which may still need this one's share
    of a step.
    """
    with uninterrupted():
        return _follow(ranks)


def _follow(ranks: Ranks) -> Any:
    while True:
        call: Any = ranks.first(None)
        if isinstance(call, _Done):
            return call.result
        try:
            call(ranks)
        except TrainingDiverged:  # as in the first process, which reports it
            continue
        except Exception as error:
            if not memory_ran_out(error):
                raise
            raise PrunescopeError(_reason_of(error)) from error


def _reason_of(error: Exception) -> str:
    return _MEMORY_ADVICE if memory_ran_out(error) else reason_of(error)
