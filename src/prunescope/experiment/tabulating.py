"""How are the tables of a study's levels made, and read again for figures?"""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.experiment.stages.tables import MeasuredLevel, TablesStage
from prunescope.results.basis import axes_of
from prunescope.results.class_tables import read_classes
from prunescope.results.layout import (
    CONCEPT_OUTCOMES,
    INTERVALS,
    LEVEL_QUANTILES,
    LEVELS,
    METRICS,
    PREDICTIONS,
    SUMMARY,
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
    from prunescope.experiment.runner import StageRunner
    from prunescope.report.panels import Shown


def make_tables(stage: TablesStage, folder: Path, runner: "StageRunner") -> None:
    """Write the tables of the levels that a stage holds."""
    recipe = stage.study.recipe
    write_tables([_record(level, runner) for level in stage.levels], folder)
    write_who_paid(folder, {each.level.key: _predictions(each, runner) for each in stage.levels})
    if recipe.dissection.quantiles:
        write_csv(folder / LEVEL_QUANTILES, _quantiles(stage, runner))
    resampled = stage.resample(runner) if recipe.resampling.draws else None
    if resampled is not None:
        write_csv(folder / INTERVALS, resampled.intervals, na_rep="nan")
        write_parquet(folder / UNIT_SHARES, resampled.shares, "zstd")
        write_parquet(folder / CONCEPT_OUTCOMES, resampled.concepts, "zstd")
    is_judged = not stage.missing and recipe.replicates > 1
    looks = count_look(runner.store.root, recipe.replicates) if is_judged else 1
    write_verdicts(
        folder,
        recipe.verdict,
        looks=looks,
        unfinished=stage.missing,
        image_variance=None if resampled is None else resampled.change_variance,
    )


def shown_tables(stage: TablesStage, runner: "StageRunner") -> "Shown":
    """Return the finished tables of a stage as figures show them."""
    from prunescope.report.panels import Shown

    folder = runner.folder(stage)
    has_twins = (folder / TWINS).is_file()
    return Shown(
        levels=read_levels(folder / LEVELS),
        twins=read_levels(folder / TWINS) if has_twins else None,
        lines=stage.study.recipe.figures.lines,
        units=read_table(folder / UNITS, LEVEL_UNIT_COLUMNS),
        twin_units=read_table(folder / TWIN_UNITS, LEVEL_UNIT_COLUMNS) if has_twins else None,
        outcomes=read_concept_outcomes(runner.store.root),
        classes=read_classes(runner.store.root),
        quantiles=read_level_quantiles(folder),
    )


def _record(measured: MeasuredLevel, runner: "StageRunner") -> LevelRecord:
    """Read what the tables say of a level."""
    metrics = read_form(runner.folder(measured.evaluation) / METRICS, METRICS_FORM)
    layers = measured.scores.layers.items()
    units = {
        layer: read_table(runner.store.folder(artifact) / UNITS, UNIT_COLUMNS)
        for layer, artifact in layers
    }
    summaries = {
        layer: read_form(runner.store.folder(artifact) / SUMMARY, DISSECTION_FORM)
        for layer, artifact in layers
    }
    return LevelRecord(
        replicate=measured.level.key.replicate,
        strategy=measured.level.key.strategy,
        level=measured.level.key.level,
        keep=metrics["keep"],
        keep_overall=metrics["keep_overall"],
        accuracy=metrics["top1"],
        units=units,
        axes=axes_of(summaries),
    )


def _predictions(measured: MeasuredLevel, runner: "StageRunner") -> pd.DataFrame:
    """Read what a level's network said of each test image."""
    return read_predictions(runner.folder(measured.evaluation) / PREDICTIONS)


def _quantiles(stage: TablesStage, runner: "StageRunner") -> pd.DataFrame:
    """Return the counts of every level and layer, twins too, at each quantile."""
    curves = {}
    for measured in stage.levels:
        record, key = _record(measured, runner), measured.level.key
        for layer, folder in zip(record.units, measured.layer_folders(runner), strict=True):
            curve = open_layer(folder).quantile_curve()
            assert curve is not None  # the recipe has other quantiles
            curve.insert(0, "keep", record.keep)
            curves[key.replicate, key.strategy, key.level, layer] = curve
    return stacked(KEY, curves)
