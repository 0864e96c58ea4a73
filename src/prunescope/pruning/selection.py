"""How many weights does each level keep, and which?"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from prunescope.base.allocator import keep_freed_memory
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.seeding import Seeds, derive_seed
from prunescope.base.text import a_kind, counted, written
from prunescope.pruning import two_four
from prunescope.pruning.choices import CRITERIA, SCHEDULES, SCOPES, Structure
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.ranking import keep_largest
from prunescope.pruning.recovery import recovery_of
from prunescope.pruning.scoring import score
from prunescope.pruning.scoring_images import ScoringImages
from prunescope.pruning.strategy import StrategySettings
from prunescope.training.settings import TrainingSettings

Left: TypeAlias = Callable[[Mask], int]
"""Says how many weights shall survive of a mask, in [0, its survivors]."""


Shares: TypeAlias = Sequence[tuple[Mask, int]]
"""The parts of a mask whose weights compete, and how many of each survive."""


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """By which criterion weights survive, how many of each part of a mask, and in which scope."""

    criterion: str
    scope: str
    structure: Structure

    @abstractmethod
    def left(self, mask: Mask) -> int:
        """Return how many weights survive of a mask, or of a part of it whose weights compete."""

    def shares(self, mask: Mask) -> Shares:
        """Return the parts of a mask whose weights compete, and how many of each survive."""
        return groups(mask, self.scope, self.left)

    def select(self, scores: Mapping[str, Tensor], mask: Mask) -> Mask:
        """Return the mask of those that survive by their scores."""
        return select(scores, mask, self.shares(mask))


@dataclass(frozen=True, kw_only=True)
class LevelRule(Rule):
    """By which rule a level of a strategy is pruned from the one before.

    source: the mask of the level whose mask it takes, if it does.
    """

    strategy: StrategySettings
    level: int
    source: Mask | None = None

    @classmethod
    def of(cls, strategy: StrategySettings, level: int, source: Mask | None = None) -> "LevelRule":
        """Return the rule of a level of a strategy."""
        return cls(
            criterion=strategy.criterion,
            scope=strategy.scope,
            structure=strategy.structure,
            strategy=strategy,
            level=level,
            source=source,
        )

    def left(self, mask: Mask) -> int:
        return survivors_at(self.level, mask.survivors, mask.size, self.strategy)

    def shares(self, mask: Mask) -> Shares:
        if self.source is None:
            return super().shares(mask)
        counts = {name: int(torch.count_nonzero(kept)) for name, kept in self.source.items()}
        return [(_part(mask, [name]), counts[name]) for name in mask]

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
    if strategy.of is None:
        CRITERIA.find(strategy.criterion)
        _check_counts(name, strategy, mask)
    for level in range(1, strategy.levels + 1):
        recovery_of(strategy, training, rewind_to, level, Seeds.equal(0))


def _check_counts(name: str, strategy: StrategySettings, mask: Mask) -> None:
    """Raise ConfigError where a level of a strategy would keep no weight, or all of them."""
    if strategy.structure == "2:4":
        return
    if strategy.structure == "filters" and not strategy.allow_empty_layers:
        _check_filters(name, strategy, mask)
    left = mask.survivors
    for level in range(1, strategy.levels + 1):
        before, left = left, survivors_at(level, left, mask.size, strategy)
        if left == 0:
            raise ConfigError(
                f"pruning.strategies.{name} leaves no weight at level {level}: take a smaller "
                "fraction, or fewer levels"
                if strategy.densities is None
                else f"pruning.strategies.{name}: a density of {strategy.densities[level - 1]} "
                f"leaves none of {counted(mask.size, 'weight')}: give a larger one"
            )
        if strategy.densities is not None and left == before:
            raise ConfigError(
                f"pruning.strategies.{name}: a density of {strategy.densities[level - 1]} of "
                f"{counted(mask.size, 'weight')} removes none of the {before:,} that are left at "
                f"level {level - 1}: give a smaller one"
            )
    groups(mask, strategy.scope, LevelRule.of(strategy, 1).left)
    if strategy.structure == "weights" and not strategy.allow_empty_layers:
        _check_tensors(name, strategy, mask)


def _check_tensors(name: str, strategy: StrategySettings, mask: Mask) -> None:
    """Raise ConfigError where a level would remove all of a tensor, whichever weights score high.

    Where each tensor has a share of its own, that is known before any weight is.
    """
    current = mask
    for level in range(1, strategy.levels + 1):
        shares = LevelRule.of(strategy, level).shares(current)
        if any(len(group) > 1 for group, _ in shares):
            return  # then their scores decide
        for group, count in shares:
            if count == 0 and group.survivors:
                where = f"pruning.strategies.{name}, at level {level},"
                raise ConfigError(_emptied(where, next(iter(group)), strategy.scope))
        counts = {next(iter(group)): count for group, count in shares}
        current = Mask({tensor: _first(counts[tensor], kept) for tensor, kept in mask.items()})


def _first(count: int, like: Tensor) -> Tensor:
    """Return a mask of as many survivors, whichever they are."""
    return (torch.arange(like.numel()) < count).reshape(like.shape)


def _check_filters(name: str, strategy: StrategySettings, mask: Mask) -> None:
    """Raise ConfigError where a level would remove all filters of a layer, whichever they are."""
    if strategy.scope == "global":
        return  # then their scores decide
    current = mask
    for level in range(1, strategy.levels + 1):
        kept: dict[str, Tensor] = {}
        for group, count in LevelRule.of(strategy, level).shares(current):
            if count == 0:
                raise ConfigError(
                    f"pruning.strategies.{name} removes every filter of {next(iter(group))} at "
                    f"level {level}: take a smaller fraction, or fewer levels"
                )
            first = {tensor: torch.zeros(values.shape) for tensor, values in group.items()}
            kept |= _select_within(first, group, count)  # as many as would survive, any of them
        current = Mask({tensor: kept[tensor] for tensor in mask})


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


@torch.inference_mode(False)
def prune_by(
    rule: Rule,
    network: nn.Module,
    mask: Mask,
    *,
    images: ScoringImages,
    seed: int,
    scored_under: Mask | None = None,
) -> Mask:
    """Return the mask in which those survivors of a mask are left that score highest.

    seed: of what the criterion draws. scored_under: the mask that the criterion is asked about, by
    default the same.
    Where the criterion works in rounds, it is asked in each about the survivors of the round
    before, of a copy of the network that holds zeros where they are pruned.
    """
    keep_freed_memory()
    rounds = CRITERIA.stated(rule.criterion, "ROUNDS") or 1
    if rounds == 1 or rule.structure != "weights":
        scores = score(network, scored_under or mask, rule.criterion, seed, images)
        if rule.structure == "2:4":
            return two_four.select(scores, mask, two_four.input_axes(network, mask))
        return rule.select(scores, mask)
    final, current = rule.shares(mask), mask
    copied = copy.deepcopy(network)
    for number in range(1, rounds + 1):
        MaskKeeper(copied, current)
        scores = score(copied, current, rule.criterion, derive_seed(seed, number), images)
        current = select(scores, current, _in_round(final, current, number / rounds))
    return current


def _in_round(final: Shares, current: Mask, done: float) -> Shares:
    """Return how many survive a round: of the density d in the end, d to the power `done`."""
    shares = []
    for group, count in final:
        part = _part(current, group)
        density = count / part.size
        wanted = max(count, round(part.size * density**done))
        shares.append((part, min(part.survivors, wanted)))
    return shares


def select(scores: Mapping[str, Tensor], mask: Mask, shares: Shares) -> Mask:
    """Keep those surviving weights whose scores are highest.

    scores: for every tensor of the mask, a score of each of its weights; of those already pruned
        it is never read.
    shares: which of them compete, and how many of each group survive, see `LevelRule.shares`.
    Exactly so many survive; of equal scores the lower flat index does, tensors in the order of
    the mask. Raises DataError where the scores are another network's, or not finite.
    """
    mask.check_fit(scores)
    kept: dict[str, Tensor] = {}
    for group, count in shares:
        kept |= _select_within(scores, group, count)
    return Mask({name: kept[name] for name in mask})


def check_layers(before: Mask, after: Mask, where: str, scope: str) -> None:
    """Raise ConfigError where pruning removes a whole layer. where: the strategy's settings."""
    emptied = [
        name for name, kept in after.items() if not bool(kept.any()) and bool(before[name].any())
    ]
    if emptied:
        more = f" and of {len(emptied) - 1:,} more" if len(emptied) > 1 else ""
        raise ConfigError(_emptied(where, f"{emptied[0]}{more}", scope))


def _emptied(where: str, tensors: str, scope: str) -> str:
    others = "take scope layerwise or erk, " if scope == "global" else ""
    return (
        f"{where} removes every weight of {tensors}: keep more, {others}or allow it by "
        "allow_empty_layers: true"
    )


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
    values = torch.cat([scores[name].detach().cpu().flatten() for name in mask])
    alive = None
    if mask.survivors < mask.size:
        alive = torch.cat([kept.flatten() for kept in mask.values()])
        values.masked_fill_(~alive, 0)
    _check_finite(values)
    survivors = keep_largest(values, count, alive)
    pieces = torch.split(survivors, [kept.numel() for kept in mask.values()])
    return {
        name: piece.reshape(kept.shape)
        for (name, kept), piece in zip(mask.items(), pieces, strict=True)
    }


def _check_finite(values: Tensor) -> None:
    is_sound = bool(torch.isfinite(values.sum()))  # which is quick, and may overflow
    if not is_sound and not bool(torch.isfinite(values).all()):
        raise DataError("the weights to prune hold a value that is not finite")
