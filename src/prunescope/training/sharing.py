"""How do several processes take the steps of one training together?"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.optim import Optimizer

from prunescope.base.errors import ConfigError
from prunescope.base.ranks import Ranks
from prunescope.base.seeding import derive_seed
from prunescope.base.steps import Step
from prunescope.base.text import counted
from prunescope.training.averaging import MovingAverage
from prunescope.training.checkpoint import optimizer_state, set_memories
from prunescope.training.history import History
from prunescope.training.mixing import Mixture
from prunescope.training.settings import TrainingSettings
from prunescope.training.shared_normalisation import SharedNormalisation

Resumed = tuple[Step, History] | None


@dataclass(frozen=True, kw_only=True)
class BatchShare:
    """This process's part of a batch that all processes draw alike.

    images: of the whole batch. Each process shows a run of neighbours, one more or less than any
    other. Of a last batch with fewer images than processes, some have none: these show the first
    image, so that they can take part, but it counts nothing.
    """

    ranks: Ranks
    images: int

    @property
    def counts(self) -> bool:
        """Whether what this process shows is part of the batch."""
        part = self.ranks.part_of(self.images)
        return len(range(self.images)[part]) > 0

    @cached_property
    def own(self) -> Int64[Tensor, " shown"]:
        """The places in the batch of the images that this process shows."""
        return torch.arange(self.images)[self.ranks.part_of(self.images) if self.counts else [0]]

    def places(self, mixture: Mixture | None) -> Int64[Tensor, " place"]:
        """Return the places of the images that are needed: its own, then their partners'."""
        return self.own if mixture is None else torch.cat([self.own, mixture.partner[self.own]])

    def split(self, needed: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what belongs to its own images, and to partners that came apart from the batch."""
        if self.ranks.count == 1:
            return needed, None
        own, partners = needed[: len(self.own)], needed[len(self.own) :]
        return own, partners if len(partners) else None

    def seed(self, seed: int, step: Step) -> int:
        """Return the seed of what a network draws in a step.

        Another in each process, so that not all drop out alike.
        """
        rank = (self.ranks.rank,) if self.ranks.rank else ()
        return derive_seed(seed, "step", step.iteration, *rank)

    def normalising(self) -> AbstractContextManager[object]:
        """Have batch normalisation take its statistics from the whole batch."""
        shared = self.ranks.count > 1
        return SharedNormalisation(self.ranks, counts=self.counts) if shared else nullcontext()

    def weighed(self, loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """Return a mean over its own images as its part of the mean over the batch."""
        if self.ranks.count == 1:
            return loss
        return loss * (len(self.own) / self.images if self.counts else 0)

    def totals(
        self, loss: Float[Tensor, ""], right: Int64[Tensor, ""]
    ) -> tuple[Float[Tensor, ""], Int64[Tensor, ""]]:
        """Return the batch's loss and its right answers, the same bits in every process.

        loss: of its own images, weighed. right: of its own images.
        """
        if self.ranks.count == 1:
            return loss, right
        own = torch.stack([loss.double(), right.double() if self.counts else right.double() * 0])
        total = self.ranks.total(own)
        return total[0], total[1].long()


def check_processes(processes: int, settings: TrainingSettings, images: int) -> None:
    """Raise ConfigError where there are more processes than images in a whole batch.

    images: to train on; where they are fewer, they are the batch. Several processes cannot have
    their training compiled, since a graph knows no other process.
    """
    batch_size = settings.batch_size
    if processes > 1 and settings.compile:
        raise ConfigError(
            f"training.compile is true, but {processes} processes share each batch: leave it out, "
            "or start one process"
        )
    if processes > min(batch_size, images):
        fewer = f"training.batch_size is {batch_size}"
        if images < batch_size:
            fewer = f"there are only {counted(images, 'image')} to train on"
        raise ConfigError(
            f"{processes} processes share each batch, but {fewer}: start at most "
            f"{min(batch_size, images)} (torchrun --nproc-per-node), or give more images a batch"
        )


def sum_gradients(parameters: Iterable[nn.Parameter], ranks: Ranks) -> None:
    """Replace each gradient by its sum over all processes, the same bits in each.

    They travel in one buffer of each dtype, in the order of the parameters. A parameter without a
    gradient in any process has none afterwards.
    """
    if ranks.count == 1:
        return
    by_dtype: dict[torch.dtype, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            by_dtype.setdefault(parameter.dtype, []).append(parameter)
    for group in by_dtype.values():
        _sum_alike(group, ranks)


def from_first(
    ranks: Ranks,
    network: nn.Module,
    optimizer: Optimizer,
    average: MovingAverage | None,
    resumed: Resumed,
) -> Resumed:
    """Go on from the weights, memories and average of the first process; return where that is.

    resumed: in the first process, what it read from a checkpoint.
    """
    if ranks.count == 1:
        return resumed
    held = None
    if ranks.rank == 0:
        memories = {
            word: _on_cpu(tensors) for word, tensors in optimizer_state(network, optimizer).items()
        }
        averaged = None if average is None else _on_cpu(average.state())
        held = resumed, _on_cpu(network.state_dict()), memories, averaged
    held = ranks.first(held)
    assert held is not None  # of the first process
    resumed, state, memories, averaged = held
    if ranks.rank > 0:
        network.load_state_dict(state)
        set_memories(network, optimizer, memories)
        if average is not None and averaged is not None:
            average.load(averaged)
    return resumed


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}


def _sum_alike(parameters: list[nn.Parameter], ranks: Ranks) -> None:
    """Sum the gradients of parameters of one dtype; behind them stands who has one."""
    dtype, device = parameters[0].dtype, parameters[0].device
    present = torch.tensor([each.grad is not None for each in parameters]).to(device, dtype)
    flat = [
        torch.zeros_like(each).flatten() if each.grad is None else each.grad.flatten()
        for each in parameters
    ]
    sizes = [each.numel() for each in (*parameters, present)]
    *sums, holders = torch.split(ranks.total(torch.cat([*flat, present])), sizes)
    with torch.no_grad():
        for index, (each, total) in enumerate(zip(parameters, sums, strict=True)):
            if each.grad is not None:
                each.grad.copy_(total.view(each.shape))
            elif holders[index] > 0:
                each.grad = total.view(each.shape).clone()
