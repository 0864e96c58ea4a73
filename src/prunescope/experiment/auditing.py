"""Do the files of a run hold what the method promises?"""

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import align, number, percent
from prunescope.experiment.completeness import find_changes, find_losses
from prunescope.experiment.facts import UNKNOWN
from prunescope.experiment.plan import plan_study
from prunescope.networks.at_most import AtMost
from prunescope.networks.description import names_code, read_description
from prunescope.networks.hollow import build_hollow
from prunescope.networks.registry import build
from prunescope.networks.trust import NamesCode
from prunescope.pruning.audit import Audit, audit_weights
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.pruning import within_prunable
from prunescope.pruning.lineage import find_group_faults, find_lineage_faults
from prunescope.pruning.mask import Mask
from prunescope.pruning.patterns import Prunable
from prunescope.pruning.saved import SavedWeights, read_mask, read_weights
from prunescope.pruning.selection import LevelRule
from prunescope.pruning.strategy import MaskSource
from prunescope.recipe import Recipe, load_recipe
from prunescope.results.layout import MASK, STUDY, WEIGHTS, LevelKey
from prunescope.results.store import require_study


@dataclass(frozen=True, kw_only=True)
class LevelAudit:
    """The audit of one level. problems: those of its files, and of its descent."""

    key: LevelKey
    audit: Audit
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, for a program."""
        key = {"path": self.key.path, **asdict(self.key)}
        return key | self.audit.as_dict() | {"problems": list(self.problems)}


@dataclass(frozen=True, kw_only=True)
class RunAudit:
    """The audits of all levels of a run that are there.

    missing: what is not there of what was finished. unfinished: levels still to be made.
    changed: files that are not as they were recorded.
    """

    root: Path
    levels: tuple[LevelAudit, ...]
    missing: tuple[str, ...] = ()
    unfinished: int = 0
    changed: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """What is wrong, with the level it is wrong with."""
        of_levels = (
            f"{level.key.path}: {each}" for level in self.levels for each in level.problems
        )
        return [*self.missing, *of_levels, *self.changed]

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, for a program."""
        levels = [level.as_dict() for level in self.levels]
        values = {"run": str(self.root), "levels": levels, "problems": self.problems}
        return values | {"missing": list(self.missing), "unfinished": self.unfinished}

    def __str__(self) -> str:
        headings = (
            "level",
            "keep",
            "keep overall",
            "zero",
            "revived",
            "dead filters",
            "dead units",
            "multiply-adds",
            "sparse",
            "bytes dense",
            "bitmap",
            "csr",
        )
        rows = [(level.key.path, *_cells(level.audit)) for level in self.levels]
        problems = [f"PROBLEM: {problem}" for problem in self.problems]
        notes = dict.fromkeys(note for level in self.levels for note in level.audit.notes)
        if self.unfinished:
            notes[f"levels that are not finished yet, and so not audited: {self.unfinished}"] = None
        return "\n".join([align([headings, *rows]), *problems, *map("note: {}".format, notes)])


def audit_run(root: Path, resolution: int | None = None, *, network: str | None = None) -> RunAudit:
    """Audit every finished level of a run, and its descent from the level before it.

    network: of a run whose levels name code, which they must not choose; without it their
    multiply-adds and dead units are not counted, and a note says so.
    resolution: side of the image for which multiply-adds are counted, in pixels; None takes the
    one the run trained at. Raises ConfigError where there is no run or no finished level,
    DataError where a file is damaged.
    """
    require_study(root)
    recipe = load_recipe(root / STUDY)
    planned = [level.key for level in plan_study(recipe, UNKNOWN).levels]
    keys = [p for p in planned if (root / p.path / WEIGHTS).is_file()]
    losses = find_losses(root, recipe)
    missing = tuple(text for found in losses.values() for text in found)
    run_audit = partial(
        RunAudit,
        root=root,
        missing=missing,
        unfinished=sum(p not in keys and p.path not in losses for p in planned),
        changed=tuple(find_changes(root, recipe)),
    )
    if not keys:
        why = f": {missing[0]}" if missing else ""
        raise ConfigError(f"{root} has no finished level to audit{why}")
    file = root / keys[0].path / WEIGHTS
    try:
        described = read_description(file, network)
        if network not in (None, described.name):
            raise ConfigError(
                f"{root} is a run whose levels belong to {described.name}: leave out --network"
            )
    except NamesCode as error:
        if network is not None:
            raise ConfigError(f"{root} is not of {network}: {error}") from None
        levels = [_audit_level(root, key, recipe, None, None) for key in keys]
        return run_audit(levels=tuple(levels))
    with AtMost(file) if network is None else nullcontext():
        module = build_hollow(described.name, num_classes=described.num_classes)
    side = resolution or (described.input.resolution if described.input else None)
    levels = [_audit_level(root, key, recipe, module, side) for key in keys]
    return run_audit(levels=tuple(levels))


def _audit_level(
    root: Path, key: LevelKey, recipe: Recipe, network: nn.Module | None, resolution: int | None
) -> LevelAudit:
    saved = read_weights(root / key.path)
    descent = _descent(saved.mask, root, key, recipe)
    if saved.mask is None and key.level == 0:
        saved = _with_dense_mask(saved, root, key, recipe)
    audit = audit_weights(saved, network, title=recipe.network, resolution=resolution)
    rule = _rule(root, key, recipe)
    if rule is not None and rule.is_user_code:
        code = " and ".join(map('"{}"'.format, rule.strategy.code.values()))
        note = f"not counted how many weights {key.strategy} leaves: {code} is code, and not run"
        audit = replace(audit, notes=(*audit.notes, note))
    return LevelAudit(key=key, audit=audit, problems=(*audit.problems, *descent))


def _descent(mask: Mask | None, root: Path, key: LevelKey, recipe: Recipe) -> list[str]:
    if _has_lost_filters(key, recipe):
        return _group_descent(root, key, recipe)
    if key.level == 0:  # of given weights the mask is theirs, whatever it is
        return (
            []
            if recipe.start is not None
            else find_lineage_faults(mask, None, None, runs_code=False)
        )
    former = root / key.before.path
    if not (former / WEIGHTS).is_file():
        return [f"{key.before.path}, from which it was pruned, is missing"]
    before = read_mask(former / MASK) if (former / MASK).is_file() else None
    if before is None and key.before.level > 0:
        return [f"{key.before.path}, from which it was pruned, has no {MASK}"]
    if before is None and mask is not None:
        before = mask.filled()
    return find_lineage_faults(mask, before, _rule(root, key, recipe), runs_code=False)


def _has_lost_filters(key: LevelKey, recipe: Recipe) -> bool:
    return key.level > 0 and recipe.pruning.structure_of(key.strategy) == "filters"


def _group_descent(root: Path, key: LevelKey, recipe: Recipe) -> list[str]:
    """Return what is wrong with the channel groups that a level has left.

    Of a network of somebody's code nothing is said, since it would have to run.
    """
    if names_code(root / key.path / WEIGHTS):
        return []
    former = root / key.before.path
    if not (former / WEIGHTS).is_file():
        return [f"{key.before.path}, from which it was pruned, is missing"]
    groups = _groups_of(root / key.path / WEIGHTS, recipe.pruning.prunable)
    try:
        after, before = (_groups_left(root, each, groups) for each in (key, key.before))
        source = _source_groups(root, key, recipe, groups)
    except DataError as error:
        return [str(error)]
    rule = LevelRule.of(recipe.pruning.strategies[key.strategy], key.level, source)
    return find_group_faults(before, after, rule, runs_code=False)


def _source_groups(root: Path, key: LevelKey, recipe: Recipe, groups: ChannelGroups) -> Mask | None:
    of = recipe.pruning.strategies[key.strategy].of
    if of is None:
        return None
    replicate = key.replicate if of.replicate is None else of.replicate
    return _groups_left(root, replace(key, replicate=replicate, strategy=of.strategy), groups)


def _groups_left(root: Path, key: LevelKey, groups: ChannelGroups) -> Mask:
    if key.level == 0:
        return groups.everything
    return groups.survivors(read_description(root / key.path / WEIGHTS).units or {})


@cache
def _groups_of(file: Path, prunable: Prunable) -> ChannelGroups:
    """Return the channel groups of the network that a level belongs to."""
    described = read_description(file)
    with AtMost(file, whole=False):
        network = build(described.name, num_classes=described.num_classes, seed=0)
    side = described.input.resolution if described.input else None
    return within_prunable(find_groups(network, resolution=side), network, prunable)


def _with_dense_mask(
    saved: SavedWeights, root: Path, key: LevelKey, recipe: Recipe
) -> SavedWeights:
    """Return level 0's weights with their mask, which has no file, as a level 1 implies it."""
    for strategy in recipe.pruning.strategies:
        after = LevelKey(replicate=key.replicate, strategy=strategy, level=1)
        if _has_lost_filters(after, recipe):
            continue
        path = root / after.path / MASK
        if path.is_file():
            return saved.with_mask(read_mask(path).filled(), path)
    return saved


def _rule(root: Path, key: LevelKey, recipe: Recipe) -> LevelRule | None:
    strategy = recipe.pruning.strategies.get(key.strategy)  # none of level 0
    if strategy is None:
        return None
    source = None if strategy.of is None else _source_mask(root, key, strategy.of)
    return LevelRule.of(strategy, key.level, source)


def _source_mask(root: Path, key: LevelKey, of: MaskSource) -> Mask:
    """Return the mask of the level whose mask a level takes. Raises DataError where it is gone."""
    replicate = key.replicate if of.replicate is None else of.replicate
    path = replace(key, replicate=replicate, strategy=of.strategy).path
    return read_mask(root / path / MASK)


def _cells(audit: Audit) -> list[str]:
    return [
        percent(audit.keep),
        percent(audit.keep_overall),
        percent(audit.sparsity),
        number(audit.total("revived")),
        number(audit.total("dead_filters")),
        number(audit.total("dead_units")),
        number(audit.total("multiply_adds")),
        number(audit.total("sparse_multiply_adds")),
        *(number(size) for size in audit.bytes.values()),
    ]
