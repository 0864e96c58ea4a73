"""What do the finished levels say, as tables?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.experiment.stages.evaluation import EvaluationStage
from prunescope.experiment.stages.scores import ScoresStage
from prunescope.results.layout import DENSE, TABLES

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner
    from prunescope.report.panels import Shown
    from prunescope.statistics.levels import ResampledLevels

AFTER = ("evaluation", "scores")


@dataclass(frozen=True, kw_only=True)
class MeasuredLevel:
    """A level with all that is measured of it."""

    level: LevelStage
    evaluation: EvaluationStage
    scores: ScoresStage

    def layer_folders(self, runner: "StageRunner") -> Iterator[Path]:
        """Yield the folder of each dissected layer after checking every file of it."""
        for scores, counts in zip(
            self.scores.artifacts, self.scores.dissection.artifacts, strict=True
        ):
            runner.store.folder(counts)
            yield runner.store.folder(scores)


class TablesStage(FolderStage):
    """The tables of all levels of a plan, which may be a part of the study's."""

    kind = "tables"
    version = 11
    derived = True

    def __init__(self, study: PlannedStudy, levels: tuple[MeasuredLevel, ...]) -> None:
        measured = (stage for level in levels for stage in (level.evaluation, level.scores))
        super().__init__(study, path=TABLES, title="tables", inputs=measured)
        self.levels = levels

    @property
    def missing(self) -> str:
        """What to say where they do not hold all levels of the study; empty where they do."""
        total = self.study.recipe.level_count
        return "" if len(self.levels) == total else f"{len(self.levels)} of {total} levels"

    def settings(self) -> Mapping[str, Any]:
        return {
            "levels": [level.level.path for level in self.levels],
            "verdict": self.study.recipe.verdict.model_dump(mode="json"),
            "resampling": self.study.recipe.resampling.for_key(),
        }

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.experiment.tabulating import make_tables

        make_tables(self, folder, runner)
        return self.missing

    def shown(self, runner: "StageRunner") -> "Shown":
        """Return the tables as figures show them."""
        from prunescope.experiment.tabulating import shown_tables

        return shown_tables(self, runner)

    def resample(self, runner: "StageRunner") -> "ResampledLevels":
        """Return how sure the counts of all levels are."""
        from prunescope.results.opened import open_layer
        from prunescope.statistics.levels import resample_levels

        layers = {
            (key.replicate, key.strategy, key.level, layer): partial(open_layer, folder)
            for measured in self.levels
            for key in (measured.level.key,)
            for layer, folder in zip(
                measured.scores.layers, measured.layer_folders(runner), strict=True
            )
        }
        return resample_levels(layers, self.study.recipe.resampling, progress=runner.progress)


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield the tables of the levels of which everything is measured, if there are any."""
    levels = tuple(_measured(plan))
    if levels:
        yield TablesStage(plan.study, levels)


def _measured(plan: "Plan") -> Iterator[MeasuredLevel]:
    """Yield the measured levels of the replicates whose level 0, the reference, is measured."""
    evaluations = {each.path: each for each in plan.of(EvaluationStage)}
    scored = {each.path: each for each in plan.of(ScoresStage)}
    references: set[int] = set()
    for level in sorted(plan.of(LevelStage), key=lambda level: level.position):
        evaluation, scores = evaluations.get(level.path), scored.get(level.path)
        if evaluation is None or scores is None:
            continue
        if level.key.strategy == DENSE:
            references.add(level.key.replicate)
        if level.key.replicate in references:
            yield MeasuredLevel(level=level, evaluation=evaluation, scores=scores)
