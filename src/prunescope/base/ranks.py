"""Which of several processes is this one, and what do the others hold?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from prunescope.base.errors import ConfigError

if TYPE_CHECKING:
    import torch

Held = TypeVar("Held")


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """The processes that work on one thing together; every one must take part in every exchange.

    rank: this process, from 0. count: how many there are.
    """

    rank: int = 0
    count: int = 1

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
            distributed.broadcast(shared, source)
            if source != self.rank:
                yield shared

    def total(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """Return the sum over all processes."""
        total = tensor.clone()
        if self.count > 1:
            from torch import distributed

            distributed.all_reduce(total)
        return total

    def gather(self, held: Held) -> list[Held]:
        """Return what every process holds, by rank."""
        if self.count == 1:
            return [held]
        from torch import distributed

        everything: list[Held | None] = [None] * self.count
        distributed.all_gather_object(everything, held)
        return [part for part in everything if part is not None]


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun started with this one; elsewhere there is only this one.

    Tensors on CPUs are exchanged by gloo, those on GPUs by nccl. With GPUs, the one of this
    process is the current device. Raises ConfigError where the others cannot be reached.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield ALONE
        return
    import torch
    from torch import distributed

    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    try:
        distributed.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"the other processes of torchrun cannot be reached: {error}") from error
    try:
        yield Ranks(rank=distributed.get_rank(), count=distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
