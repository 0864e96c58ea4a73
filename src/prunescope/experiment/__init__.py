"""How is a whole study run, resumed, watched and shown again?"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from prunescope.base.devices import default_workers
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import write_atomically
from prunescope.base.progress import SILENT, Progress
from prunescope.engines import Engine
from prunescope.engines.local import LocalEngine
from prunescope.experiment.check import check_study
from prunescope.experiment.estimate import disk_bytes, measure_rates, seconds_left, stage_cost
from prunescope.experiment.known import record_known
from prunescope.experiment.plan import Plan, Stage, plan_study, replicate_seed
from prunescope.experiment.sources import Sources, look_again
from prunescope.experiment.status import DryRun, Status
from prunescope.experiment.workshop import Outcome, Workshop, checkpoint_of
from prunescope.recipe import Recipe, load_recipe
from prunescope.results.layout import PAGE, REPORT, STUDY, replicate_path
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store, require_study
from prunescope.training.checkpoint import checkpoint_step

__all__ = ["DryRun", "Status", "dry_run", "report_again", "run_study", "status", "status_of"]


def run_study(
    study: Recipe, out: Path, *, workers: int | None = None, progress: Progress = SILENT
) -> Path:
    """Do all that a study still lacks in its run folder, and return the page.

    workers: processes that train beside each other; None takes one for each replicate and
    strategy as far as the cores go, 1 trains in this process.

    Stopped at any moment, even by `kill -9`, the same call goes on and ends with the same bytes.
    Raises ConfigError or DataError before anything is written, RunBusyError before anything is
    read where another process writes here, StoreError where a finished artifact is damaged.
    """
    Store(out).check_free()
    study, store, sources, plan = _prepare(study, out, progress)
    engine = _engine(study, workers)
    if not (store.is_run() and all(_is_done(stage, store) for stage in plan.stages)):
        check_study(study, sources, progress)
        sources.make_ready()
        if engine.workers > 1:
            sources.let_go()  # every worker reads them for itself
    store.create()
    with store.writing():
        _clear_damage(plan, store, progress)
        store.tidy(plan.artifacts)
        write_atomically(out / STUDY, study.to_yaml().encode())
        _perform(study, store, sources, plan, engine, progress)
    return out / REPORT / PAGE


def dry_run(
    study: Recipe, out: Path, *, workers: int | None = None, progress: Progress = SILENT
) -> DryRun:
    """Check a study wholly, say what such a run would do, and time a little of it; write nothing.

    Raises what `run_study` would before it writes anything.
    """
    study, store, sources, plan = _prepare(study, out, progress)
    engine = _engine(study, workers)
    check_study(study, sources, progress)
    to_do, done = _sorted_out(plan, store)
    rates = measure_rates(study, sources, threads=engine.threads)
    seconds = seconds_left(plan, store, study, sources, rates, workers=engine.workers)
    return DryRun(
        to_do=to_do,
        done=done,
        workers=engine.workers,
        seconds=seconds or 0.0,
        disk=disk_bytes(plan, study, sources),
    )


def status(out: Path) -> Status:
    """Say what is done, running and left in a run folder, even if what it was made from is gone."""
    study, store, sources, plan, unread = _open_run(out)
    return _status_of(study, store, sources, plan, unread)


def status_of(study: Recipe, out: Path) -> Status:
    """Say what of a study is done, running and left in a run folder, even one not begun."""
    study, store = study.anchored(), Store(out)
    sources = Sources(study)
    return _status_of(study, store, sources, plan_study(study, sources), {})


def _status_of(
    study: Recipe, store: Store, sources: Sources, plan: Plan, unread: dict[str, str]
) -> Status:
    to_do, done = _sorted_out(plan, store)
    provenance = Provenance(store.root)
    rates = provenance.seconds_per_cost()
    return Status(
        name=study.name,
        done=done,
        to_do=to_do,
        seconds_left=seconds_left(plan, store, study, sources, rates, workers=provenance.workers),
        holder=store.holder(),
        outdated=tuple(store.outdated(plan.artifacts)),
        under_way=tuple(_under_way(plan, store, study.training.to)),
        unread=tuple(unread.values()),
        damaged=tuple(_damaged(plan, store, provenance)),
    )


def report_again(out: Path, *, progress: Progress = SILENT) -> Path:
    """Make the tables, figures and page of a run once more from its finished levels.

    Where the concepts' pictures cannot be read, the page, which shows them, is left as it is.
    Raises ConfigError for a run that is not finished, DataError where there is no such page.
    """
    from prunescope.experiment.results import check_readable  # loads Matplotlib

    study, store, sources, plan, unread = _open_run(out, progress)
    unfinished = [
        stage.title for stage in plan.stages if stage.subject and not _is_done(stage, store)
    ]
    if unfinished:
        raise ConfigError(f"{out} is not finished: {unfinished[0]} is missing; run the study first")
    kept = [stage for stage in plan.stages if stage.kind == "report" and "concepts" in unread]
    redone = replace(plan, stages=tuple(stage for stage in plan.stages if stage not in kept))
    store.check_free()
    check_readable(plan, store)
    with store.writing():
        for stage in reversed(redone.stages):  # the page first: none is left of a run in part
            if stage.subject is None:
                for artifact in stage.artifacts:
                    store.discard(artifact)
        _perform(study, store, sources, redone, LocalEngine(), progress)
    if kept:
        what = f"tables and figures are made again, but not the page: {unread['concepts']}"
        if not all(_is_done(stage, store) for stage in kept):
            raise DataError(f"{what}; it needs the pictures that were dissected on")
        progress.say(f"warning: {what}; it is left as it was")
    return out / REPORT / PAGE


def _perform(
    study: Recipe, store: Store, sources: Sources, plan: Plan, engine: Engine, progress: Progress
) -> None:
    provenance = Provenance(store.root)
    provenance.remember(
        record_known(study, data=sources.known_data, concepts=sources.known_concepts)
    )
    stages = [stage for stage in plan.stages if not _is_done(stage, store)]
    if not stages:
        return
    seeds = {replicate_path(i): replicate_seed(study, i) for i in range(study.replicates)}
    for difference in provenance.begin(seeds, threads=engine.threads, workers=engine.workers):
        progress.say(f"warning: the bits may differ, since {difference}")

    def finish(stage: Stage, outcome: Outcome) -> None:
        for artifact in outcome.made:
            provenance.finished(
                artifact.path,
                key=artifact.key,
                kind=stage.kind,
                seconds=outcome.seconds / len(outcome.made),
                resumed=outcome.resumed,
                cost=stage_cost(stage, study, sources) / len(stage.artifacts),
            )
        progress.say(outcome.message)

    workshop = Workshop(study, store, sources, plan)
    left = {stage.name for stage in stages}
    stages = [replace(stage, after=tuple(left.intersection(stage.after))) for stage in stages]
    engine.run(stages, workshop.perform, finish, progress)


def _engine(study: Recipe, workers: int | None) -> LocalEngine:
    independent = study.replicates * len(study.pruning.strategies)
    return LocalEngine(workers or default_workers(independent))


def _damaged(plan: Plan, store: Store, provenance: Provenance) -> Iterator[str]:
    """Yield what is missing, or of another size, of artifacts that were finished once."""
    for artifact in plan.artifacts:
        if provenance.has(artifact.path, artifact.key) and (loss := store.loss(artifact)):
            yield f"{artifact.path} {loss}"
        yield from store.flaws(artifact)


def _clear_damage(plan: Plan, store: Store, progress: Progress) -> None:
    provenance = Provenance(store.root)
    for flaw in _damaged(plan, store, provenance):
        progress.say(f"warning: {flaw}; it is made again")
    for artifact in plan.artifacts:
        if provenance.has(artifact.path, artifact.key):
            store.reclaim(artifact)


def _under_way(plan: Plan, store: Store, end: str) -> Iterator[str]:
    """Yield the trainings that are not finished but have a checkpoint, and how far that is."""
    for stage in plan.stages:
        for artifact in stage.artifacts:
            step = None if store.has(artifact) else checkpoint_step(checkpoint_of(store, artifact))
            if step is not None:
                yield f"{stage.title}, trained to {step} of {end} at its last checkpoint"


def _is_done(stage: Stage, store: Store) -> bool:
    return all(store.has(artifact) for artifact in stage.artifacts)


def _sorted_out(plan: Plan, store: Store) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the titles of the stages to do, and of those done."""
    done = {stage.title for stage in plan.stages if _is_done(stage, store)}
    titles = [stage.title for stage in plan.stages]
    return (
        tuple(title for title in titles if title not in done),
        tuple(title for title in titles if title in done),
    )


def _prepare(study: Recipe, out: Path, progress: Progress) -> tuple[Recipe, Store, Sources, Plan]:
    study = study.anchored()
    store = Store(out)
    store.check_place()
    sources = Sources(study, progress)
    return study, store, sources, plan_study(study, sources)


def _open_run(
    out: Path, progress: Progress = SILENT
) -> tuple[Recipe, Store, Sources, Plan, dict[str, str]]:
    """Return what a run folder holds, and why its sources cannot be read, as `look_again` does."""
    study = _read_study(out)
    sources, unread = look_again(study, Provenance(out).sources, progress)
    return study, Store(out), sources, plan_study(study, sources), unread


def _read_study(out: Path) -> Recipe:
    require_study(out)
    return load_recipe(out / STUDY)
