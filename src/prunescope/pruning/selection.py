"""Which weights survive, when so many of them must?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.base.text import a_kind, written
from prunescope.pruning.choices import SCHEDULES, SCOPES
from prunescope.pruning.mask import Mask
from prunescope.pruning.schedule import survivors_at
from prunescope.pruning.settings import StrategySettings

Left: TypeAlias = Callable[[Mask], int]
"""Says how many weights shall survive of a mask, in [0, its survivors]."""


@dataclass(frozen=True, kw_only=True)
class LevelRule:
    """By which rule a level of a strategy is pruned from the one before."""

    strategy: StrategySettings
    level: int

    def left(self, mask: Mask) -> int:
        """Return how many weights of the mask of the level before, or of a part, survive."""
        return survivors_at(self.level, mask.survivors, mask.size, self.strategy)

    @property
    def is_users(self) -> bool:
        """Whether code of the user's says how many survive."""
        strategy = self.strategy
        return SCHEDULES.is_users(strategy.schedule) or SCOPES.is_users(strategy.scope)


def groups(mask: Mask, scope: str, left: Left) -> list[tuple[Mask, int]]:
    """Return the parts of a mask whose weights compete in a scope, and how many of each survive.

    left: how many would survive of a mask, or of a part of it, if all its weights competed.
    Raises ConfigError where a scope of the user's fails, or does not share out all tensors.
    """
    found = SCOPES.call(scope, mask, left)
    fault = _fault(found, mask)
    if fault is not None:
        raise SCOPES.fault(scope, fault)
    return [(_part(mask, names), count) for names, count in found]


def select(scores: Mapping[str, Tensor], mask: Mask, scope: str, left: Left) -> Mask:
    """Keep those surviving weights whose scores are highest.

    scores: for every tensor of the mask, a score of each of its weights; of those already pruned
        it is never read.
    scope: which of them compete, and how many of each group survive, see `groups`.
    Exactly so many survive; of equal scores the lower flat index does, tensors in the order of
    the mask. Raises DataError where the scores are another network's, or not finite.
    """
    mask.check_fit(scores)
    kept: dict[str, Tensor] = {}
    for group, count in groups(mask, scope, left):
        kept |= _select_within(scores, group, count)
    return Mask({name: kept[name] for name in mask})


def _part(mask: Mask, names: Iterable[str]) -> Mask:
    return Mask({name: mask[name] for name in names})


def _fault(found: Any, mask: Mask) -> str | None:
    """Say what is wrong with what a scope returned; None where nothing is."""
    if not isinstance(found, Sequence) or isinstance(found, str):
        return f"returned {a_kind(found)}, but must return a list of groups"
    left_out = dict.fromkeys(mask)
    for group in found:
        if not (isinstance(group, Sequence) and len(group) == 2 and isinstance(group[0], Sequence)):
            return f"returned {written(group)} as a group, but must give (names, survivors)"
        names, count = group
        for name in names:
            if name not in left_out:
                why = "into two groups" if name in mask else "into a group, but it is not pruned"
                return f"puts {written(name)} {why}"
            del left_out[name]
        alive = _part(mask, names).survivors
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= alive:
            return f"lets {written(count)} of the {alive:,} weights left of {names[0]} survive"
    return f"leaves out {next(iter(left_out))}" if left_out else None


def _select_within(scores: Mapping[str, Tensor], mask: Mask, count: int) -> dict[str, Tensor]:
    alive = torch.cat([kept.flatten() for kept in mask.values()])
    values = torch.cat([scores[name].detach().cpu()[kept] for name, kept in mask.items()])
    if not bool(torch.isfinite(values).all()):
        raise DataError("the weights to prune hold a value that is not finite")
    survivors = alive.masked_scatter(alive, keep_largest(values, count))
    pieces = torch.split(survivors, [kept.numel() for kept in mask.values()])
    return {
        name: piece.reshape(kept.shape)
        for (name, kept), piece in zip(mask.items(), pieces, strict=True)
    }


def keep_largest(values: Float[Tensor, " value"], count: int) -> Bool[Tensor, " value"]:
    """Mark the `count` largest values; of equal values, those of lower index.

    count: in [0, number of values].
    """
    if count == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    cut = values.kthvalue(len(values) - count + 1).values
    kept = values > cut
    tied = (values == cut).nonzero().squeeze(1)
    kept[tied[: count - int(torch.count_nonzero(kept))]] = True
    return kept
