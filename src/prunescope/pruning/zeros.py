"""Are more weights zero, without a mask that marks them, than chance leaves?"""

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

    count: their number among so many weights that are not pruned. masked: whether there is a mask.
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
    """Count the zeros that no mask marks as pruned; None if there are no more than chance leaves.

    names: the prunable tensors. Chance leaves a share of the weights that are not pruned up to
    `BY_CHANCE`, and in a single tensor up to `BY_CHANCE_IN_ONE`.
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
    """Return a mask that prunes every zero of these tensors, and what is pruned already."""
    before = mask or Mask({})
    nonzero = {name: state[name] != 0 for name in names}
    kept = {name: alive & before.get(name, alive) for name, alive in nonzero.items()}
    return Mask(kept | {name: other for name, other in before.items() if name not in kept})
