"""Are there zeros among the weights that nothing says are pruned, more than chance leaves?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from prunescope.pruning.mask import Mask

BY_CHANCE, BY_CHANCE_IN_ONE = 0.01, 0.2
"""Shares of all prunable weights, and of those of one tensor, that may be zero in a network that
nobody pruned: a published EfficientNet-Lite0 has 0.13 %, and 6.6 % in one tensor, from filters
that died in training."""


@dataclass(frozen=True, kw_only=True)
class UnmarkedZeros:
    """Zeros among prunable weights that no mask marks as pruned.

    count: of so many weights that are not pruned. masked: whether there is a mask at all.
    """

    count: int
    weights: int
    masked: bool

    def __str__(self) -> str:
        """Return it as the beginning of a sentence."""
        weights = "weights that the mask keeps" if self.masked else "prunable weights"
        remark = "" if self.masked else ", but no mask says that they are pruned"
        return f"{self.count:,} of the {self.weights:,} {weights} are zero{remark}"


def unmarked_zeros(
    state: Mapping[str, Tensor], names: Iterable[str], mask: Mask | None
) -> UnmarkedZeros | None:
    """Count the zeros that are not marked as pruned; None where there are no more than by chance.

    names: the prunable tensors. mask: None, or what is pruned. More than chance is a share of the
    weights that are not pruned above `BY_CHANCE`, or in one tensor above `BY_CHANCE_IN_ONE`.
    """
    counts = []
    for name in names:
        zero = state[name] == 0
        kept = None if mask is None else mask.get(name)
        weights = zero.numel() if kept is None else int(torch.count_nonzero(kept))
        counts.append((int(torch.count_nonzero(zero if kept is None else zero & kept)), weights))
    count, weights = (sum(numbers) for numbers in zip(*counts, strict=True))
    in_one = any(zeros > BY_CHANCE_IN_ONE * size for zeros, size in counts)
    if count <= BY_CHANCE * weights and not in_one:
        return None
    return UnmarkedZeros(count=count, weights=weights, masked=mask is not None)


def mask_of_nonzero(
    state: Mapping[str, Tensor], names: Iterable[str], mask: Mask | None = None
) -> Mask:
    """Return a mask that takes every zero of these tensors for pruned, beside what is pruned."""
    before = mask or Mask({})
    nonzero = {name: state[name] != 0 for name in names}
    kept = {name: alive & before.get(name, alive) for name, alive in nonzero.items()}
    return Mask(kept | {name: other for name, other in before.items() if name not in kept})
