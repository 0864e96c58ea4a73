"""How far is a study, and what is it going to take?"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prunescope.base.progress import duration
from prunescope.base.text import counted
from prunescope.experiment.open_run import OpenRun, open_run
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.runner import checkpoint_of
from prunescope.experiment.schedule import makespan
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.stage import Stage
from prunescope.experiment.staleness import find_stale, without
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.checkpoints import checkpoint_step
from prunescope.results.outdated import find_outdated
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is.

    done, to_do: titles of the stages. seconds_left: None while nothing made here tells how long.
    holder: who writes to the run now; empty if nobody does.
    outdated: paths of artifacts that no longer belong to the study.
    failed: titles of stages that could not be made when they were last tried, and why.
    under_way: trainings that have begun, and the step of their last checkpoint.
    stale: titles of stages whose place holds what an earlier version, or other settings, made.
    damaged: files of finished stages that are missing or of another size; `run` makes them again.
    unread: why photographs or concepts cannot be read now, so that they are taken as recorded.
    """

    name: str
    done: tuple[str, ...]
    to_do: tuple[str, ...]
    seconds_left: float | None
    holder: str
    outdated: tuple[str, ...]
    failed: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; nobody who writes is None."""
        return asdict(self) | {"holder": self.holder or None}

    def __str__(self) -> str:
        """Return it as text for a terminal."""
        stages = len(self.done) + len(self.to_do)
        lines = [f"{self.name}: {len(self.done)} of {counted(stages, 'stage')} done"]
        lines += listed("missing or damaged (the same run makes it again)", self.damaged)
        lines += listed("failed when it was last tried", self.failed)
        lines += listed("under way", self.under_way)
        lines += listed(
            "made by an earlier version or under other settings (the same run makes it anew)",
            self.stale,
        )
        lines += listed("left", self.to_do)
        if self.to_do:
            left = "not known yet" if self.seconds_left is None else duration(self.seconds_left)
            lines.append(f"time left: {left}")
        lines.append(f"running: {self.holder}" if self.holder else "running: no")
        lines += listed("no longer part of the study (remove them if you like)", self.outdated)
        lines += [f"taken as the run recorded it: {why}" for why in self.unread]
        return "\n".join(lines)


def listed(word: str, titles: tuple[str, ...]) -> list[str]:
    more = [f"  ... and {len(titles) - _SHOWN:,} more"] if len(titles) > _SHOWN else []
    return [f"{word}:", *(f"  {title}" for title in titles[:_SHOWN]), *more] if titles else []


def status(out: Path) -> Status:
    """Say what is done, running and left in a run folder, even if what it was made from is gone."""
    return _status_of(open_run(out))


def status_of(recipe: Recipe, out: Path) -> Status:
    """Say what of a study is done, running and left in a run folder, even one not begun."""
    recipe = recipe.anchored()
    provenance = Provenance(out)
    plan = plan_study(recipe, facts_of(recipe, record=provenance.sources))
    return _status_of(OpenRun(plan=plan, store=Store(out), provenance=provenance, unread={}))


def is_done(stage: Stage, store: Store) -> bool:
    """Return whether a stage's artifacts are finished and no file of them missing."""
    return all(store.has(artifact) for artifact in stage.artifacts)


def left_of(plan: Plan, store: Store) -> list[Artifact]:
    """Return the artifacts of a plan that are not finished, or lack files."""
    return [artifact for artifact in plan.artifacts if not store.has(artifact)]


def sorted_out(plan: Plan, left: Collection[Artifact]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the titles of the stages to do, and of those done. left: see `left_of`."""
    lacking = set(left)
    to_do = {stage.title for stage in plan.stages if not lacking.isdisjoint(stage.artifacts)}
    titles = [stage.title for stage in plan.stages]
    return (
        tuple(title for title in titles if title in to_do),
        tuple(title for title in titles if title not in to_do),
    )


def seconds_left(
    plan: Plan, left: Collection[Artifact], rates: Mapping[str, float], *, workers: int = 1
) -> float | None:
    """Return how long the unfinished stages will take; None while no rate is known for one.

    left: see `left_of`. rates: seconds per unit of cost, by kind of stage. workers: processes in
    parallel.
    """
    seconds = seconds_each(plan, left, rates)
    return None if seconds is None else makespan(seconds, needs_each(plan), workers)


def seconds_each(
    plan: Plan, left: Collection[Artifact], rates: Mapping[str, float]
) -> dict[str, float] | None:
    """Return the seconds of each unfinished stage; None while no rate is known for one."""
    lacking = set(left)
    seconds: dict[str, float] = {}
    for stage in plan.stages:
        missing = sum(artifact in lacking for artifact in stage.artifacts)
        if not missing:
            continue
        cost = stage.cost() * missing / len(stage.artifacts)
        rate = rates.get(stage.kind, rates.get(stage.paced_like))
        if cost and rate is None:
            return None
        seconds[stage.title] = cost * (rate or 0.0)
    return seconds


def needs_each(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the titles of the stages that each stage needs."""
    return {stage.title: tuple(each.title for each in stage.inputs) for stage in plan.stages}


def damaged_parts(
    artifacts: Iterable[Artifact], store: Store, provenance: Provenance
) -> Iterator[str]:
    """Yield what is missing, or of another size, of artifacts that were finished once."""
    for artifact in artifacts:
        if provenance.has(artifact) and (loss := store.loss(artifact)):
            yield f"{artifact.title} {loss}"
        yield from store.flaws(artifact)


def _status_of(run: OpenRun) -> Status:
    plan, store = run.plan, run.store
    provenance = run.provenance
    artifacts = plan.artifacts
    untouched: list[Artifact] = []
    touched: list[Artifact] = []
    for each in artifacts:
        (untouched if provenance.is_untouched(each) else touched).append(each)
    left = [each for each in touched if not store.has(each)]
    to_do, done = sorted_out(plan, left)
    stale = find_stale(plan, store, left)
    rates, workers = provenance.seconds_per_cost(), provenance.workers
    return Status(
        name=plan.study.recipe.name,
        done=done,
        to_do=to_do,
        seconds_left=seconds_left(plan, left, rates, workers=workers),
        holder=store.holder(),
        outdated=without(find_outdated(store.root, artifacts, untouched), stale),
        failed=tuple(
            f"{title}: {why}" for title, why in provenance.failures.items() if title in to_do
        ),
        under_way=tuple(_under_way(plan, store, left)),
        unread=tuple(run.unread.values()),
        damaged=tuple(damaged_parts(touched, store, provenance)),
        stale=stale.titles,
    )


def _under_way(plan: Plan, store: Store, left: Collection[Artifact]) -> Iterator[str]:
    """Yield the trainings that are not finished but have a checkpoint, and how far that is."""
    lacking = set(left)
    for stage in plan.stages:
        for artifact in lacking.intersection(stage.artifacts):
            step = checkpoint_step(checkpoint_of(store, artifact))
            if step is not None:
                end = plan.study.recipe.training.to
                yield f"{stage.title}, trained to {step} of {end} at its last checkpoint"
