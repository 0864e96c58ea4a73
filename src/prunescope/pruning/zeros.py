"""Are there zeros among the weights that nothing says are pruned, more than chance leaves?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from prunescope.pruning.mask import Mask

BY_CHANCE = 0.01
"""Share of a network's prunable weights that may be zero in one that nobody pruned: a published
EfficientNet-Lite0, whose weights are float32, has 0.13 %, from filters that died in training."""


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
        those = "weights that the mask keeps" if self.masked else "prunable weights"
        said = "" if self.masked else ", but no mask says that they are pruned"
        return f"{self.count:,} of the {self.weights:,} {those} are zero{said}"


def unmarked_zeros(
    state: Mapping[str, Tensor], names: Iterable[str], mask: Mask | None
) -> UnmarkedZeros | None:
    """Count the zeros that are not marked as pruned; None where there are no more than by chance.

    names: the prunable tensors. mask: None, or what is pruned. More than chance is a share above
    `BY_CHANCE` of the weights that are not pruned.
    """
    count = weights = 0
    for name in names:
        zero = state[name] == 0
        kept = None if mask is None else mask.get(name)
        weights += zero.numel() if kept is None else int(torch.count_nonzero(kept))
        count += int(torch.count_nonzero(zero if kept is None else zero & kept))
    if count <= BY_CHANCE * weights:
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
