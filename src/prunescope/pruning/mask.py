"""Which weights of a network are left, and how is it kept so?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.optim import Optimizer

from prunescope.base.errors import DataError
from prunescope.base.tensors import load_tensors, save_tensors


class Mask(Mapping[str, Bool[Tensor, "..."]]):
    """For every prunable tensor, by its state-dict key, which of its weights survive (True)."""

    def __init__(self, tensors: Mapping[str, Bool[Tensor, "..."]]) -> None:
        self._tensors = dict(tensors)

    @classmethod
    def ones(cls, network: nn.Module, names: tuple[str, ...]) -> "Mask":
        """Return the mask of an unpruned network."""
        state = network.state_dict()
        return cls({name: torch.ones_like(state[name], dtype=torch.bool) for name in names})

    @classmethod
    def load(cls, path: Path) -> "Mask":
        """Read a mask file. Raises DataError if it is damaged or holds anything but booleans."""
        tensors = load_tensors(path)
        wrong = [name for name, tensor in tensors.items() if tensor.dtype != torch.bool]
        if wrong:
            raise DataError(f"{path} is not a mask: {wrong[0]} is {tensors[wrong[0]].dtype}")
        return cls(tensors)

    def save(self, path: Path) -> None:
        """Write the mask as booleans under the keys of the state dict."""
        save_tensors(path, self._tensors)

    def __getitem__(self, name: str) -> Bool[Tensor, "..."]:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    @property
    def size(self) -> int:
        """Number of prunable weights."""
        return sum(tensor.numel() for tensor in self._tensors.values())

    @property
    def survivors(self) -> int:
        """Number of weights left."""
        return sum(int(torch.count_nonzero(tensor)) for tensor in self._tensors.values())

    @property
    def keep(self) -> float:
        """The fraction of prunable weights left, counted."""
        return self.survivors / self.size

    def keep_overall(self, network: nn.Module) -> float:
        """The fraction of *all* parameters left, biases and normalisation among them."""
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return (parameters - self.size + self.survivors) / parameters

    def within(self, other: "Mask") -> bool:
        """Say whether nothing survives here that is gone in the other mask."""
        return all(not bool((self[name] & ~other[name]).any()) for name in self)

    def revived(self, state: Mapping[str, Tensor]) -> list[str]:
        """Return the keys of tensors in which a pruned weight is not exactly zero."""
        return [name for name in self if bool((state[name][~self[name]] != 0).any())]


class MaskKeeper:
    """Sets pruned weights, and their momentum, to exactly zero.

    Call it with the optimizer after every step: weights that `forward` alone hides would be
    moved by momentum and weight decay, and come back.
    """

    def __init__(self, network: nn.Module, mask: Mask) -> None:
        parameters = dict(network.named_parameters())
        self._parameters = [parameters[name] for name in mask]
        pruned = [
            torch.empty_like(parameter, dtype=torch.bool).copy_(~mask[name])
            for name, parameter in zip(mask, self._parameters, strict=True)
        ]
        self._pruned = pruned
        self._idle = not any(bool(tensor.any()) for tensor in pruned)
        self()

    @torch.no_grad()
    def __call__(self, optimizer: Optimizer | None = None) -> None:
        """Zero the pruned weights, and what the optimizer remembers of them."""
        if self._idle:
            return
        for parameter, pruned in zip(self._parameters, self._pruned, strict=True):
            parameter.masked_fill_(pruned, 0.0)
            if optimizer is None:
                continue
            for memory in optimizer.state.get(parameter, {}).values():
                if isinstance(memory, Tensor) and memory.shape == parameter.shape:
                    memory.masked_fill_(pruned, 0.0)
