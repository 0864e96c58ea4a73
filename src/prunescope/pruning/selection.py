"""How many weights does each level keep, and which?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import a_kind, written
from prunescope.pruning.choices import CRITERIA, SCHEDULES, SCOPES
from prunescope.pruning.mask import Mask
from prunescope.pruning.recovery import recovery_of
from prunescope.pruning.settings import StrategySettings
from prunescope.training.settings import TrainingSettings

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
    def is_user_code(self) -> bool:
        """Whether user code says how many survive."""
        strategy = self.strategy
        return SCHEDULES.is_user_code(strategy.schedule) or SCOPES.is_user_code(strategy.scope)


def survivors_at(level: int, before: int, size: int, strategy: StrategySettings) -> int:
    """Return how many of `size` weights a level keeps, of which the level before has `before`.

    Raises ConfigError where a user's schedule fails, or returns anything else than a number
    of them.
    """
    name = strategy.schedule
    left = SCHEDULES.call(name, before, size, level, strategy)
    if not isinstance(left, int) or isinstance(left, bool) or not 0 <= left <= before:
        raise SCHEDULES.fault(
            name,
            f"returned {written(left)} for level {level}, but must return how many of the "
            f"{before:,} weights that the level before has are left",
        )
    return left


def check_strategy(
    name: str,
    strategy: StrategySettings,
    mask: Mask,
    training: TrainingSettings,
    rewind_to: str | None,
) -> None:
    """Raise ConfigError where a level would keep no weight, or user code is not as needed.

    name: of the strategy. mask: level 0's. training, rewind_to: the study's.
    """
    CRITERIA.find(strategy.criterion)
    left = mask.survivors
    for level in range(1, strategy.levels + 1):
        left = survivors_at(level, left, mask.size, strategy)
        if left == 0:
            raise ConfigError(
                f"pruning.strategies.{name} leaves no weight at level {level}: take a smaller "
                "fraction, or fewer levels"
            )
        recovery_of(strategy, training, rewind_to, level, seed=0)
    groups(mask, strategy.scope, LevelRule(strategy=strategy, level=1).left)


def groups(mask: Mask, scope: str, left: Left) -> list[tuple[Mask, int]]:
    """Return the parts of a mask whose weights compete in a scope, and how many of each survive.

    left: how many would survive of a mask, or of a part of it, if all its weights competed.
    Raises ConfigError where a user's scope fails, or does not share out all tensors.
    """
    shares = SCOPES.call(scope, mask, left)
    fault = _fault(shares, mask)
    if fault is not None:
        raise SCOPES.fault(scope, fault)
    return [(_part(mask, names), count) for names, count in shares]


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


def _fault(shares: Any, mask: Mask) -> str | None:
    """Say what is wrong with what a scope returned; None where nothing is."""
    if not isinstance(shares, list | tuple):
        return f"returned {a_kind(shares)}, but must return a list of groups"
    left_out = dict.fromkeys(mask)
    for group in shares:
        is_pair = isinstance(group, list | tuple) and len(group) == 2
        if not (is_pair and isinstance(group[0], list | tuple)):
            return f"returned {written(group)} as a group, but must give (names, survivors)"
        names, count = group
        if not names:
            return "returned a group of no tensor"
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
