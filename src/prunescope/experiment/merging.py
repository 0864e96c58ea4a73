"""How do runs of parts of one study, made apart, become one run?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError
from prunescope.base.files import write_atomically
from prunescope.base.folders import replacing
from prunescope.base.progress import SILENT, Progress
from prunescope.base.recipes import sealed
from prunescope.base.text import counted, written
from prunescope.experiment.open_run import OpenRun, open_run
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.run import report_again
from prunescope.experiment.status import is_done
from prunescope.pruning.strategy import StrategySettings
from prunescope.recipe import Recipe
from prunescope.results.kinds import is_run
from prunescope.results.layout import STUDY
from prunescope.results.looks import looks_of, save_looks
from prunescope.results.manifest import read_manifest
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store

_OF_A_PART = {"name", "replicates", "verdict", "figures", "resampling", "resources"}
_OF_A_MACHINE = {
    "data": {"source", "memory"},
    "concepts": {"source"},
    "start": {"weights", "rewind_weights"},
    "dissection": {"memory"},
}
"""Settings that may differ: content is compared by the keys of what was made from it."""


def merge_runs(runs: Sequence[Path], out: Path, *, progress: Progress = SILENT) -> Path:
    """Join runs of one study into a new run folder, and return its page.

    runs: they may differ in which replicates, strategies and levels they have or have finished, and
    in where their data lie. What several of them finished is taken from the first. Every file
    is checked before it is copied; tables, figures and page are made anew.
    Raises ConfigError where they are not of one study, or the new folder is not free; StoreError
    where a file is damaged.
    """
    if len(runs) < 2:
        raise ConfigError("merge joins runs: give two or more run folders")
    _check_free(out)
    opened = {path: open_run(path, progress) for path in runs}
    first = opened[runs[0]]
    recipe = merged_recipe({path: run.plan.study.recipe for path, run in opened.items()})
    plan = plan_study(recipe, first.plan.study.facts)
    with replacing(out) as draft:
        unequal = _fill(draft, plan, opened)
        write_atomically(draft / STUDY, sealed(recipe.to_yaml()).encode())
    unfinished = [stage for stage in plan.stages if not is_done(stage, Store(out))]
    left = sum(not stage.derived for stage in unfinished)
    progress.say(
        f"{counted(len(runs), 'run')} merged"
        + (f"; {counted(left, 'stage')} still to do" * bool(left))
    )
    if unequal:
        title, *others = unequal
        more = f" and {counted(len(others), 'more artifact')}" * bool(others)
        was = "were" if others else "was"
        progress.say(
            f"warning: {title}{more} {was} finished in several runs, but not alike (on another "
            "machine, or with another number of threads): the first one's are taken, and what "
            "another run made from its own stays as it is"
        )
    return report_again(out, progress=progress)


def merged_recipe(recipes: Mapping[Path, Recipe]) -> Recipe:
    """Return the recipe of the whole study of which several are parts.

    Raises ConfigError naming a setting in which they differ.
    """
    (first_path, first), *others = recipes.items()
    strategies = dict(first.pruning.strategies)
    for path, other in others:
        different = _first_difference(_shared(first), _shared(other))
        if different:
            name, ours, theirs = different
            raise ConfigError(
                f"{first_path} and {path} are not of one study: {name} is {written(ours)} in one "
                f"and {written(theirs)} in the other"
            )
        for name, strategy in other.pruning.strategies.items():
            former = strategies.setdefault(name, strategy)
            strategies[name] = _longer(name, former, strategy, first_path, path)
    pruning = first.pruning.model_copy(update={"strategies": strategies})
    replicates = max(recipe.replicates for recipe in recipes.values())
    values = first.model_copy(update={"pruning": pruning, "replicates": replicates})
    return Recipe.validate_from(
        values.model_dump(mode="json", exclude_none=True), "the merged study"
    )


def _longer(
    name: str, ours: StrategySettings, theirs: StrategySettings, first: Path, path: Path
) -> StrategySettings:
    """Return the one of two settings of a strategy that has more levels."""
    longer, shorter = (ours, theirs) if ours.levels >= theirs.levels else (theirs, ours)
    same: dict[str, Any] = {"levels": longer.levels}
    if longer.densities is not None and shorter.densities is not None:
        same |= {"densities": shorter.densities + longer.densities[shorter.levels :]}
    if longer != shorter.model_copy(update=same):
        raise ConfigError(
            f"{first} and {path} are not of one study: the strategy {name} is not the same in both"
        )
    return longer


def _shared(recipe: Recipe) -> dict[str, Any]:
    """Return what must be the same in all parts of a study, by the path of each setting."""
    values = recipe.model_dump(mode="json", exclude=_OF_A_PART)
    del values["pruning"]["strategies"]
    for room, names in _OF_A_MACHINE.items():
        for name in names if values.get(room) else ():
            values[room].pop(name, None)
    if recipe.dissection.basis_file is not None:
        values["dissection"]["basis"] = recipe.dissection.along
    return dict(_flat("", values))


def _flat(prefix: str, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    settings: list[tuple[str, Any]] = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        settings += _flat(f"{path}.", value) if isinstance(value, dict) else [(path, value)]
    return settings


def _first_difference(
    ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[str, Any, Any] | None:
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            return name, ours.get(name), theirs.get(name)
    return None


def _check_free(out: Path) -> None:
    if Store(out).is_begun() or is_run(out):
        raise ConfigError(f"{out} is a run already: give another --out for the merged one")
    Store(out).check_place()


def _fill(draft: Path, plan: Plan, runs: Mapping[Path, OpenRun]) -> list[str]:
    """Copy every artifact of a plan from the first run that finished it.

    Returns the titles of those of which another run has other bytes.
    """
    record = Provenance(draft)
    taken: dict[Path, list[str]] = {path: [] for path in runs}
    unequal: list[str] = []
    for artifact in plan.artifacts:
        if artifact.derived:
            continue
        owners = [path for path in runs if runs[path].store.has(artifact)]
        if owners:
            owner = owners[0]
            runs[owner].store.folder(artifact)  # which checks every file
            made = [read_manifest(path / artifact.path, artifact.part) for path in owners]
            unequal += [artifact.title] * any(each != made[0] for each in made)
            artifact.at(owner).copy(artifact.at(draft))
            taken[owner].append(artifact.title)
    for path, titles in taken.items():
        if not titles:
            raise ConfigError(
                f"{path} has nothing finished that the merged study needs and the others lack, "
                "or it was made from other data: leave it out"
            )
        record.adopt(Provenance(path), titles)
    save_looks(draft, list(dict.fromkeys(look for path in runs for look in looks_of(path))))
    return unequal
