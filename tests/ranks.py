"""Processes that share images, played by threads: each exchanges with all others, as they do."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import torch

from prunescope.base.ranks import Ranks


@dataclass(frozen=True, kw_only=True)
class ThreadRanks(Ranks):
    """One of several ranks; what each shows the others lies on their board."""

    board: list[Any]
    barrier: Barrier

    def others(self, tensor: torch.Tensor) -> Iterator[torch.Tensor]:
        shown = self.gather(tensor.clone())
        yield from (shown[rank].clone() for rank in range(self.count) if rank != self.rank)

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.stack(self.gather(tensor.clone())).sum(dim=0, dtype=tensor.dtype)

    def stack(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.stack(self.gather(tensor.clone()))

    def first(self, held: Any) -> Any:
        return self.gather(held)[0]

    def gather(self, held: Any) -> list[Any]:
        self.board[self.rank] = held
        self.barrier.wait(timeout=60)
        everything = list(self.board)
        self.barrier.wait(timeout=60)
        return everything


def exchange(parts: Sequence[Any]) -> None:
    """Let each part, of one rank, take in what the others hold, by its method `exchange`."""
    in_parallel(lambda ranks: parts[ranks.rank].exchange(ranks), len(parts))


def in_parallel(work: Callable[[Ranks], Any], count: int) -> list[Any]:
    """Return what each of so many ranks makes of a work that they do together."""
    board, barrier = [None] * count, Barrier(count)
    ranks = [
        ThreadRanks(rank=rank, count=count, board=board, barrier=barrier) for rank in range(count)
    ]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, ranks))
