"""Which of several processes is this one, and what do the others hold?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from prunescope.base.errors import ConfigError, ProcessLost, reason_of

if TYPE_CHECKING:
    import torch

Held = TypeVar("Held")

_PATIENCE = timedelta(days=7)  # others may wait long; of a process that ends they hear at once
_FAILURE = "failure"
_GONE = "another of the processes that share this work has ended, or cannot be reached"
_UNREACHED = "the other processes cannot be reached"


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """The processes that work on one thing together; every one must take part in every exchange.

    rank: this process, from 0. count: how many there are. store: where one says why it ends.
    Every exchange raises ProcessLost where another process has ended.
    """

    rank: int = 0
    count: int = 1
    store: Any = None

    def part_of(self, count: int) -> slice:
        """Return which of so many things are this process's; the parts differ in size by one."""
        return slice(self.rank * count // self.count, (self.rank + 1) * count // self.count)

    def others(self, tensor: "torch.Tensor") -> "Iterator[torch.Tensor]":
        """Yield the tensor of every other process, in one order; all are of one shape.

        The exchange goes on while they are taken: take all of them before anything else is
        exchanged.
        """
        if self.count == 1:
            return
        from torch import distributed, empty_like

        held = tensor.contiguous()
        for source in range(self.count):
            shared = held.clone() if source == self.rank else empty_like(held)
            with self._in_reach():
                distributed.broadcast(shared, source)
            if source != self.rank:
                yield shared

    def total(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """Return the sum over all processes."""
        total = tensor.clone()
        if self.count > 1:
            from torch import distributed

            with self._in_reach():
                distributed.all_reduce(total)
        return total

    def stack(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """Return the tensors of all processes, by rank along a new first axis."""
        import torch

        if self.count == 1:
            return tensor[None]
        stacked = [torch.empty_like(tensor) for _ in range(self.count)]
        with self._in_reach():
            torch.distributed.all_gather(stacked, tensor.contiguous())
        return torch.stack(stacked)

    def gather(self, held: Held) -> list[Held]:
        """Return what every process holds, by rank."""
        if self.count == 1:
            return [held]
        from torch import distributed

        everything: list[Held | None] = [None] * self.count
        with self._in_reach():
            distributed.all_gather_object(everything, held)
        return [part for part in everything if part is not None]

    def first(self, held: Held) -> Held:
        """Return what the first process holds."""
        if self.count == 1:
            return held
        from torch import distributed

        shared = [held]
        with self._in_reach():
            distributed.broadcast_object_list(shared, 0)
        return shared[0]

    @contextmanager
    def _in_reach(self) -> Iterator[None]:
        """Raise ProcessLost, with the reason if it is known, where an exchange fails."""
        try:
            yield
        except RuntimeError as error:  # torch's for a connection that is closed
            reason = ""
            with suppress(RuntimeError):  # of a store that is gone, too
                if self.store is not None and self.store.check([_FAILURE]):
                    reason = self.store.get(_FAILURE).decode()
            raise ProcessLost(reason or _GONE) from error


ALONE = Ranks()


def is_first() -> bool:
    """Return whether this is the first, or only, process: the one that speaks to the user."""
    return not _is_started_by_torchrun() or os.environ.get("RANK") == "0"


def processes_here() -> int:
    """Return how many processes torchrun started on this machine; 1 elsewhere."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if _is_started_by_torchrun() else 1


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun started with this one; elsewhere there is only this one.

    Tensors on CPUs are exchanged by gloo; those on GPUs by nccl if each process has one for itself.
    With GPUs, the one of this process is the current device. A process that leaves by an error
    tells the others why, which then raise ProcessLost.
    Raises ConfigError where the others cannot be reached.
    """
    if not _is_started_by_torchrun():
        yield ALONE
        return
    import torch
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    try:
        shared, rank, count = next(rendezvous("env://"))
        joins = shared.add(f"joins of {rank}", 1)  # a process may join, leave and join again
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{_UNREACHED}: {error}") from error
    store = PrefixStore(f"prunescope-{joins}", shared)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpu = int(os.environ["LOCAL_RANK"]) % gpus if gpus else None
    alone = processes_here() <= gpus
    with grouped(store, rank=rank, count=count, gpu=gpu, gpu_alone=alone) as ranks:
        yield ranks


@contextmanager
def grouped(
    store: Any, *, rank: int, count: int, gpu: int | None = None, gpu_alone: bool = True
) -> Iterator[Ranks]:
    """Work with the processes that have reached the same store of torch.distributed.

    gpu: the number of this process's. gpu_alone: whether no other process of these has it.
    Raises as `joined` does.
    """
    # Imported later, as by an optimizer, its functions would hold the group by their defaults, and
    # its connections would stay open when this process leaves: the others would wait for it.
    import torch.distributed.nn.functional  # noqa: F401
    from torch import cuda, distributed

    if gpu is not None:
        cuda.set_device(gpu)
    backend = "cpu:gloo,cuda:nccl" if gpu is not None and gpu_alone else "gloo"
    try:
        distributed.init_process_group(
            backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE
        )
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{_UNREACHED}: {error}") from error
    try:
        yield Ranks(rank=rank, count=count, store=store)
    except ProcessLost:
        raise
    except Exception as error:
        with suppress(RuntimeError):
            store.set(_FAILURE, f"process {rank} of {count} ended: {reason_of(error)}")
        raise
    finally:
        distributed.destroy_process_group()


def _is_started_by_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ
