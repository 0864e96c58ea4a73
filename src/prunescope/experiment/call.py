"""How are stages performed in a run folder, and what is recorded of that?"""

from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from prunescope.base.errors import (
    DataError,
    ProcessLost,
    PrunescopeError,
    RunBusyError,
    StudyIncomplete,
)
from prunescope.base.progress import Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.text import counted
from prunescope.engines.engine import Engine
from prunescope.experiment.facts import record_facts
from prunescope.experiment.plan import Plan
from prunescope.experiment.runner import Outcome, StageJob, StageRunner
from prunescope.experiment.stage import PlannedStudy
from prunescope.experiment.status import is_done
from prunescope.results.layout import replicate_path
from prunescope.results.left_out import LEFT_OUT
from prunescope.results.manifest import stamp_of
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store

if TYPE_CHECKING:
    from prunescope.experiment.sources import Sources

_SHOWN = 10


class Call:
    """One call's work in a run folder; the first stage performed begins its record."""

    def __init__(
        self, study: PlannedStudy, store: Store, engine: Engine, progress: Progress,
        sources: "Sources | None" = None, ranks: Ranks = ALONE,
    ) -> None:  # fmt: skip
        self._study = study
        self._store = store
        self._sources = sources
        self._engine = engine
        self._ranks = ranks
        self._progress = progress
        self._provenance = Provenance(store.root)
        self._remember_sources()
        self._begun = False
        self.failures: dict[str, Exception] = {}

    def perform(self, plan: Plan, engine: Engine | None = None, *, again: bool = False) -> None:
        """Perform the stages of a plan that are not done; note the error of each that fails.

        engine: None takes the call's. again: those that are done, too; what they made stays where
        it cannot be made again.
        """
        store = self._store
        stages = [stage for stage in plan.stages if again or not is_done(stage, store)]
        if not stages:
            return
        if not all(stage.derived for stage in stages):
            self._begin()
        left = {stage.title for stage in stages}
        jobs = [
            StageJob(
                name=stage.title,
                after=tuple(each.title for each in stage.inputs if each.title in left),
                resources=stage.resources,
            )
            for stage in stages
        ]
        runner = StageRunner(plan, store, self._sources, again=again, ranks=self._ranks)
        finish = partial(self._finish, plan)
        (engine or self._engine).run(jobs, runner.perform, finish, self._fail, self._progress)
        self._remember_sources()

    def _remember_sources(self) -> None:
        """Record what the study reads, and which broken images its dissections left out."""
        recipe, sources = self._study.recipe, record_facts(self._study.recipe, self._study.facts)
        if recipe.dissection.skip_broken:
            from prunescope.results.run_tables import left_out_of_run

            with suppress(DataError):  # a damaged dissection is made again
                sources["concepts"][LEFT_OUT] = left_out_of_run(self._store.root)
        self._provenance.remember(sources)

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        replicates = range(self._study.recipe.replicates)
        seeds = {replicate_path(number): asdict(self._study.seeds(number)) for number in replicates}
        for difference in self._provenance.begin(
            seeds,
            threads=self._engine.threads,
            workers=self._engine.workers,
            processes=max(self._ranks.count, self._study.recipe.sharing.count),
        ):
            self._progress.say(f"warning: the bits may differ, since {difference}")

    def _finish(self, plan: Plan, job: StageJob, outcome: Outcome) -> None:
        self._store.check_lease()
        stage = plan.named(job.name)
        for artifact in outcome.made:
            self._provenance.finished(
                artifact,
                kind=stage.kind,
                seconds=outcome.seconds / len(outcome.made),
                resumed=outcome.resumed,
                cost=stage.cost() / len(stage.artifacts),
                stamp=stamp_of(self._store.root / artifact.path, artifact.part),
            )
        self._progress.say(outcome.message)

    def _fail(self, job: StageJob, error: Exception) -> None:
        self._store.check_lease()
        if isinstance(error, RunBusyError):
            raise error
        self.failures[job.name] = error
        self._provenance.failed(job.name, str(error))
        if isinstance(error, ProcessLost):  # no other stage can be shared any more
            how = "the same command goes on from what is finished"
            raise ProcessLost(f"{job.name}: {error}; {how}") from error
        self._progress.say(f"{job.name}: FAILED: {error}")


def incomplete(failures: dict[str, Exception], plan: Plan, store: Store) -> Exception:
    """Return the error for what failed: one of our own, or the first that nobody foresaw."""
    for error in failures.values():
        if not isinstance(error, PrunescopeError):
            return error
    lacking = {stage.level_key for stage in plan.stages if not is_done(stage, store)}
    unfinished = sum(level.key in lacking for level in plan.levels)
    lines = [f"{title}: {error}" for title, error in failures.items()]
    if len(lines) > _SHOWN:
        lines = [*lines[:_SHOWN], f"and {len(lines) - _SHOWN:,} more"]
    return StudyIncomplete(
        f"{'; '.join(lines)}. {unfinished:,} of {counted(len(plan.levels), 'level')} "
        f"{'is' if unfinished == 1 else 'are'} not finished; what could be made is, and the same "
        "call tries the rest again"
    )
