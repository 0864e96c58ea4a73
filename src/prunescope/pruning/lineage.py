"""Does each level of a run descend from the one before it, as the method says?"""

from pathlib import Path

import torch

from prunescope.base.errors import DataError, StoreError
from prunescope.base.text import counted
from prunescope.pruning import two_four
from prunescope.pruning.audit import audit_weights
from prunescope.pruning.mask import Mask
from prunescope.pruning.saved import read_weights
from prunescope.pruning.selection import LevelRule
from prunescope.results.layout import MASK


def check_level(folder: Path, title: str, before: Mask | None, rule: LevelRule | None) -> None:
    """Raise StoreError where a level, as it was saved, is not what the method says.

    before: the mask of the level that it was pruned from, and rule the one by which it was; at
    level 0 None, unless the weights that a study started from were pruned.
    """
    try:
        saved = read_weights(folder)
        lineage = find_lineage_faults(saved.mask, before, rule, runs_code=True)
        problems = [*audit_weights(saved).problems, *lineage]
    except DataError as error:
        problems = [str(error)]
    _refuse(title, problems)


def _refuse(title: str, problems: list[str]) -> None:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise StoreError(
            f"{title} is not accepted, for its audit says: {problems[0]}{more}. Run the study "
            "again; if it comes back, it is a fault of Prunescope that we should hear of"
        )


def check_groups(folder: Path, title: str, before: Mask, after: Mask, rule: LevelRule) -> None:
    """Raise StoreError where a level that lost filters is not what the method says, as saved.

    before, after: which channel groups the level before and this one have.
    """
    try:
        saved = read_weights(folder)
        problems = [
            *audit_weights(saved).problems,
            *find_group_faults(before, after, rule, runs_code=True),
        ]
    except DataError as error:
        problems = [str(error)]
    _refuse(title, problems)


def find_lineage_faults(
    mask: Mask | None, before: Mask | None, rule: LevelRule | None, *, runs_code: bool
) -> list[str]:
    """Return what is wrong with a level's mask, given where it comes from.

    before: the mask of the level before, or of the weights that were given; None at a level 0 of
    which nothing is pruned. rule: by which it was pruned; None at level 0.
    runs_code: as `check_descent` takes it.
    """
    if before is None:
        return [] if mask is None else check_dense(mask)
    if mask is None:
        return [f"it has no {MASK}"]
    if rule is None:
        return check_given(before, mask)
    return check_descent(before, mask, rule, runs_code=runs_code)


def find_group_faults(before: Mask, after: Mask, rule: LevelRule, *, runs_code: bool) -> list[str]:
    """Return what is wrong with the channel groups of a level, as `check_descent`."""
    return [
        fault.replace("weight", "channel group")
        for fault in check_descent(before, after, rule, runs_code=runs_code)
    ]


def check_dense(mask: Mask) -> list[str]:
    """Return what is wrong with the mask of an unpruned level, of which every weight survives."""
    pruned = mask.size - mask.survivors
    return [f"the unpruned level lacks {pruned:,} of its weights"] if pruned else []


def check_given(source: Mask, mask: Mask) -> list[str]:
    """Return what is wrong with level 0's mask, given that of the weights it was taken from."""
    is_same = list(source) == list(mask) and all(
        torch.equal(source[name].cpu(), mask[name].cpu()) for name in source
    )
    return [] if is_same else ["its mask is not that of the weights that it was taken from"]


def check_descent(
    before: Mask, after: Mask, rule: LevelRule, *, runs_code: bool = True
) -> list[str]:
    """Return what is wrong with a level's mask, given the level it was pruned from.

    It must be of the same tensors, hold no weight that was pruned before, and have exactly as many
    left as the rule says, of each group of its scope.
    runs_code: whether the user has named the rule's code, rather than a file. Otherwise such code
    is not run, and how many weights it leaves is not checked.
    """
    if list(before) != list(after):
        differing = sorted(set(before) ^ set(after)) or ["their order"]
        return [f"the mask is not of the tensors of the level before: {', '.join(differing)}"]
    reshaped = [name for name in after if after[name].shape != before[name].shape]
    if reshaped:
        name = reshaped[0]
        shapes = f"{tuple(after[name].shape)}, but was {tuple(before[name].shape)} a level before"
        return [f"the mask of {name} is {shapes}"]
    grown = {name: int(torch.count_nonzero(after[name] & ~before[name])) for name in after}
    problems = [
        f"the mask has grown: {counted(count, 'weight')} of {name} that were pruned are back"
        for name, count in grown.items()
        if count
    ]
    if rule.is_user_code and not runs_code:
        return problems
    if rule.structure == "2:4" and rule.source is None:
        return problems + two_four.find_faults(before, after)
    return problems + _wrong_counts(before, after, rule)


def _in_words(rule: LevelRule) -> str:
    strategy = rule.strategy
    if rule.source is not None:
        return f"{strategy.of}, whose masks it takes,"
    if strategy.densities is not None:
        return f"a density of {strategy.densities[rule.level - 1]}"
    by_fraction = f"pruning {100 * strategy.fraction:g} %"
    return by_fraction if strategy.schedule == "fraction" else strategy.schedule


def _wrong_counts(before: Mask, after: Mask, rule: LevelRule) -> list[str]:
    problems = []
    for former, expected in rule.shares(before):
        present = Mask({name: after[name] for name in former})
        title = "" if len(former) == len(before) else f" of {', '.join(former)}"
        if present.survivors != expected:
            problems.append(
                f"{counted(present.survivors, 'weight')}{title} are left of {former.survivors:,}, "
                f"but {_in_words(rule)} leaves {expected:,}"
            )
    return problems
