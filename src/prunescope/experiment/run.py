"""How is a study run, resumed, extended, run in parts, and shown again?"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.devices import default_device
from prunescope.base.errors import ConfigError, DamagedArtifact, DataError
from prunescope.base.files import cannot_write, is_full, write_atomically
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import Ranks
from prunescope.base.recipes import sealed
from prunescope.experiment.call import Call, incomplete
from prunescope.experiment.crew import engine_here, find_engine, independent_chains, stages_on
from prunescope.experiment.damage import clear_damage, find_damage
from prunescope.experiment.forecast import DryRun, Rates, forecast
from prunescope.experiment.found import put_in_order
from prunescope.experiment.only import Selection
from prunescope.experiment.open_run import open_run
from prunescope.experiment.plan import Plan, plan_results, plan_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.staleness import find_stale
from prunescope.experiment.status import is_done, left_of
from prunescope.experiment.together import check_one_worker, led_by_first
from prunescope.recipe import Recipe
from prunescope.results.layout import PAGE, REPORT, STUDY, LevelKey
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store

if TYPE_CHECKING:
    from prunescope.experiment.sources import Sources


def run_study(
    recipe: Recipe,
    out: Path,
    *,
    only: Sequence[str] = (),
    workers: int | None = None,
    gpus: int | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Do all that a study still lacks in its run folder, and return the page.

    only: which levels to make, as `Selection.read` takes it; all where nothing is stated.
    workers: processes that train in parallel; None takes one for each replicate and strategy as
    far as the cores go, 1 trains in this process. gpus: as many workers, each with a GPU.
    engine: a module of `prunescope.engines`.
    address: of the cluster, for an engine that has one.

    Stopped at any moment, even by `kill -9`, the same call goes on and ends with the same bytes.
    Of processes that torchrun started, each of which calls this, the first runs the study, and all
    share every training, evaluation and dissection (docs/training.md).
    Raises ConfigError or DataError before anything is written, RunBusyError before anything is
    read where another process writes here; StudyIncomplete where some levels could not be made,
    after all others are: tables, figures and page then show these.
    """
    selection = Selection.read(only, recipe)
    wanted = partial(_wanted, selection=selection)

    def lead(ranks: Ranks) -> Path:
        try:
            _run_wanted(
                recipe,
                out,
                wanted,
                ranks,
                workers=workers,
                gpus=gpus,
                engine=engine,
                address=address,
                progress=progress,
            )
        except OSError as error:
            if is_full(error):
                raise cannot_write(error.filename or out, error) from error
            raise
        return out / REPORT / PAGE

    return led_by_first(lead)


def run_levels(
    recipe: Recipe,
    out: Path,
    wanted: Callable[[LevelKey], bool],
    ranks: Ranks,
    *,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> None:
    """Train some levels of a study, and what they need, as `run_study` does; measure nothing.

    ranks: the processes that share each training, of which this is the first.
    """

    def chosen(plan: Plan) -> Plan:
        return plan.with_inputs([level for level in plan.levels if wanted(level.key)])

    _run_wanted(recipe, out, chosen, ranks, workers=workers, progress=progress)


def _run_wanted(
    recipe: Recipe,
    out: Path,
    choose: Callable[[Plan], Plan],
    ranks: Ranks,
    *,
    workers: int | None,
    gpus: int | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: Progress,
) -> None:
    check_one_worker(ranks, workers, engine, recipe.sharing.count, gpus=gpus, address=address)
    Store(out).check_free()
    recipe, store, plan = _prepare(recipe, out, progress)
    wanted = choose(plan)
    damage = find_damage(plan, store)
    made = store.is_begun() and all(is_done(stage, store) for stage in wanted.stages)
    asked = gpus is not None or engine != "local" or recipe.sharing.gpus > 1
    if ranks.count > 1 or (made and not asked and address is None):
        crew = engine_here()  # which asks for no GPU, so that torch is not loaded where all is made
    else:
        crew = find_engine(recipe, workers, gpus, engine, address)
    sources = None
    if damage.files or not made:
        processes = max(ranks.count, recipe.sharing.count)
        sources = _checked_sources(recipe, progress, processes)
        if crew.workers > 1:
            sources.let_go()  # every worker reads them for itself
    store.create()
    with store.writing(progress.say):
        clear_damage(plan, store, damage, progress)
        put_in_order(plan, store, progress)
        store.tidy(plan.artifacts)
        write_atomically(out / STUDY, sealed(recipe.to_yaml()).encode())
        call = Call(plan.study, store, crew, progress, sources, ranks)
        call.perform(wanted)
        if not call.failures:
            call.perform(wanted)  # what was lost meanwhile
        call.perform(plan_results(plan, lambda stage: is_done(stage, store)), engine_here())
    if call.failures:
        raise incomplete(call.failures, plan, store)


def _checked_sources(recipe: Recipe, progress: Progress, processes: int) -> "Sources":
    from prunescope.experiment.check import check_study
    from prunescope.experiment.sources import Sources

    sources = Sources(recipe, progress)
    check_study(recipe, sources, progress, processes=processes)
    sources.make_ready()
    return sources


def dry_run(
    recipe: Recipe,
    out: Path,
    *,
    only: Sequence[str] = (),
    workers: int | None = None,
    gpus: int | None = None,
    engine: str = "local",
    address: str | None = None,
    rates: Path | str | None = None,
    price: float | None = None,
    progress: Progress = SILENT,
) -> DryRun:
    """Check a study wholly, say what such a run would do, and time a little of it; write nothing.

    rates: a file of what a dry run measured elsewhere; then nothing is read, checked or timed here.
    gpus: as many workers, each with a GPU. price: of a worker for an hour.
    Raises what `run_study` would before it writes anything, ConfigError for a file without rates.
    """
    selection = Selection.read(only, recipe)
    if rates is not None:
        return _foreseen(recipe, out, selection, workers, gpus, Path(rates), price)
    from prunescope.experiment.check import check_study
    from prunescope.experiment.estimate import disk_bytes, measure_rates
    from prunescope.experiment.sources import Sources

    recipe, store, plan = _prepare(recipe, out, progress)
    sources = Sources(recipe, progress)
    crew = find_engine(recipe, workers, gpus, engine, address)
    check_study(recipe, sources, progress)
    measured = measure_rates(recipe, sources, threads=crew.threads)
    return forecast(
        _wanted(plan, selection),
        store,
        measured,
        workers=crew.workers,
        on_gpus=default_device() == "cuda",
        disk=disk_bytes(plan, recipe, measured),
        price=price,
    )


def _foreseen(
    recipe: Recipe,
    out: Path,
    selection: Selection,
    workers: int | None,
    gpus: int | None,
    rates_file: Path,
    price: float | None,
) -> DryRun:
    from prunescope.experiment.estimate import disk_bytes

    rates = Rates.read(rates_file)
    plan = plan_study(recipe, rates.facts)
    return forecast(
        _wanted(plan, selection),
        Store(out),
        rates,
        workers=workers or stages_on(recipe, gpus) or independent_chains(recipe),
        on_gpus=gpus is not None,
        disk=disk_bytes(plan, recipe, rates),
        price=price,
        source=rates_file.name,
    )


def report_again(out: Path, *, progress: Progress = SILENT) -> Path:
    """Make the tables, figures and page of a run once more, from the levels that are finished.

    Where the concepts' pictures cannot be read, the page, which shows them, is left as it is.
    Raises ConfigError for a run without a finished level, DataError where there is no such page.
    """
    run = open_run(out, progress)
    plan, store = run.plan, run.store
    results = plan_results(plan, lambda stage: is_done(stage, store))
    stale = find_stale(plan, store, left_of(plan, store))
    if not results.stages and stale:
        raise ConfigError(
            f"{out} has no level of which everything is measured as this version does: {stale}. "
            "The tables, figures and page that are in it stay as they are"
        )
    if not results.stages:
        raise ConfigError(
            f"{out} has no finished level to show, with level 0 of its replicate: run the study "
            "first"
        )
    if stale:
        progress.say(f"warning: {stale}")
    kept = [stage for stage in results.stages if stage.reads_concepts and "concepts" in run.unread]
    redone = Plan(plan.study, tuple(stage for stage in results.stages if stage not in kept))
    store.check_free()
    with store.writing(progress.say):
        call = Call(plan.study, store, engine_here(), progress)
        call.perform(redone, again=True)
    for error in call.failures.values():
        raise error
    if kept:
        what = f"tables and figures are made again, but not the page: {run.unread['concepts']}"
        if not all(is_done(stage, store) for stage in kept):
            raise DataError(f"{what}; it needs the pictures that were dissected on")
        progress.say(f"warning: {what}; it is left as it was")
    return out / REPORT / PAGE


def _wanted(plan: Plan, selection: Selection) -> Plan:
    """Return the plan of what belongs to selected levels, without tables, figures and page."""
    return plan.with_inputs(
        [stage for stage in plan.stages if not stage.derived and selection.takes(stage.level_key)]
    )


def _prepare(recipe: Recipe, out: Path, progress: Progress) -> tuple[Recipe, Store, Plan]:
    recipe = recipe.anchored()
    store = Store(out)
    store.check_place()
    return recipe, store, plan_study(recipe, facts_of(recipe, progress, _recorded(out)))


def _recorded(out: Path) -> Mapping[str, dict[str, Any]]:
    """Return what a run wrote down of its sources; nothing where its record is damaged."""
    try:
        return Provenance(out).sources
    except DamagedArtifact:  # which whoever needs more of it reports
        return {}
