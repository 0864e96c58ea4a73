"""What do the finished levels say, as tables?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.experiment.stages.evaluation import EvaluationStage
from prunescope.experiment.stages.scores import ScoresStage
from prunescope.results.basis import axes_of
from prunescope.results.class_tables import read_classes
from prunescope.results.layout import (
    CONCEPT_OUTCOMES,
    DENSE,
    INTERVALS,
    LEVEL_QUANTILES,
    LEVELS,
    METRICS,
    PREDICTIONS,
    SUMMARY,
    TABLES,
    TWIN_UNITS,
    TWINS,
    UNIT_SHARES,
    UNITS,
)
from prunescope.results.looks import count_look
from prunescope.results.opened import open_layer
from prunescope.results.predictions import read_predictions
from prunescope.results.quantiles import read_level_quantiles
from prunescope.results.reading import read_form, read_table
from prunescope.results.run_tables import KEY, read_concept_outcomes, read_levels
from prunescope.results.schemas import (
    DISSECTION_FORM,
    LEVEL_UNIT_COLUMNS,
    METRICS_FORM,
    UNIT_COLUMNS,
)
from prunescope.results.tables import write_csv, write_parquet
from prunescope.results.units import stacked
from prunescope.statistics.who_paid import write_who_paid
from prunescope.statistics.writing import write_verdicts

if TYPE_CHECKING:
    import pandas as pd

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

    def record(self, runner: "StageRunner") -> LevelRecord:
        """Read what the tables are made from."""
        metrics = read_form(runner.folder(self.evaluation) / METRICS, METRICS_FORM)
        units = {
            layer: read_table(runner.store.folder(artifact) / UNITS, UNIT_COLUMNS)
            for layer, artifact in self.scores.layers.items()
        }
        summaries = {
            layer: read_form(runner.store.folder(artifact) / SUMMARY, DISSECTION_FORM)
            for layer, artifact in self.scores.layers.items()
        }
        return LevelRecord(
            replicate=self.level.key.replicate,
            strategy=self.level.key.strategy,
            level=self.level.key.level,
            keep=metrics["keep"],
            keep_overall=metrics["keep_overall"],
            accuracy=metrics["top1"],
            units=units,
            axes=axes_of(summaries),
        )

    def predictions(self, runner: "StageRunner") -> "pd.DataFrame":
        """Read what its network said of each test image."""
        return read_predictions(runner.folder(self.evaluation) / PREDICTIONS)

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
        recipe = self.study.recipe
        write_tables([level.record(runner) for level in self.levels], folder)
        write_who_paid(folder, {each.level.key: each.predictions(runner) for each in self.levels})
        if recipe.dissection.quantiles:
            write_csv(folder / LEVEL_QUANTILES, self._quantiles(runner))
        resampled = self.resample(runner) if recipe.resampling.draws else None
        if resampled is not None:
            write_csv(folder / INTERVALS, resampled.intervals, na_rep="nan")
            write_parquet(folder / UNIT_SHARES, resampled.shares, "zstd")
            write_parquet(folder / CONCEPT_OUTCOMES, resampled.concepts, "zstd")
        is_judged = not self.missing and recipe.replicates > 1
        looks = count_look(runner.store.root, recipe.replicates) if is_judged else 1
        write_verdicts(
            folder,
            recipe.verdict,
            looks=looks,
            unfinished=self.missing,
            image_variance=None if resampled is None else resampled.change_variance,
        )
        return self.missing

    def _quantiles(self, runner: "StageRunner") -> "pd.DataFrame":
        """Return the counts of every level and layer, twins too, at each quantile."""
        curves = {}
        for measured in self.levels:
            record, key = measured.record(runner), measured.level.key
            for layer, folder in zip(record.units, measured.layer_folders(runner), strict=True):
                curve = open_layer(folder).quantile_curve()
                assert curve is not None  # the recipe has other quantiles
                curve.insert(0, "keep", record.keep)
                curves[key.replicate, key.strategy, key.level, layer] = curve
        return stacked(KEY, curves)

    def shown(self, runner: "StageRunner") -> "Shown":
        """Return the tables as figures show them."""
        from prunescope.report.panels import Shown

        folder = runner.folder(self)
        has_twins = (folder / TWINS).is_file()
        return Shown(
            levels=read_levels(folder / LEVELS),
            twins=read_levels(folder / TWINS) if has_twins else None,
            lines=self.study.recipe.figures.lines,
            units=read_table(folder / UNITS, LEVEL_UNIT_COLUMNS),
            twin_units=read_table(folder / TWIN_UNITS, LEVEL_UNIT_COLUMNS) if has_twins else None,
            outcomes=read_concept_outcomes(runner.store.root),
            classes=read_classes(runner.store.root),
            quantiles=read_level_quantiles(folder),
        )

    def resample(self, runner: "StageRunner") -> "ResampledLevels":
        """Return how sure the counts of all levels are."""
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
