"""What does a finished run hold, level by level?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from prunescope.analysis.places import layers_of_study
from prunescope.analysis.summary import read_known, summarise
from prunescope.base.errors import DataError
from prunescope.results.layout import (
    DISSECTION,
    LEVELS,
    METRICS,
    STUDY,
    TABLES,
    UNITS,
    LevelKey,
    level_folders,
)
from prunescope.results.manifest import flaws_of
from prunescope.results.reading import read_table
from prunescope.results.schemas import LEVEL_UNIT_COLUMNS

PLACE = ["replicate", "strategy", "level", "layer"]
CHANCE = ["discoveries", "discovered_concepts", "undecided", "draws"]
Place = tuple[Any, ...]  # the values of PLACE


@dataclass(frozen=True, kw_only=True)
class RunTables:
    """The tables of a finished run.

    levels: a row per level and layer. units: a table of units for each of them, by its place:
    replicate, strategy, level, layer.
    """

    path: Path
    levels: pd.DataFrame
    units: Mapping[Place, pd.DataFrame]

    @property
    def layers(self) -> list[str]:
        """The layers, in the order of the study."""
        return list(dict.fromkeys(self.levels["layer"]))

    @property
    def places(self) -> list[Place]:
        """Every replicate, strategy, level and layer, in the order of the table."""
        return list(self.levels[PLACE].itertuples(index=False, name=None))

    def number(self, place: Place, column: str) -> float:
        """Return what the table of levels says at a place."""
        [row] = [i for i, own in enumerate(self.places) if own == place]
        return float(self.levels[column].iloc[row])


def open_run(path: Path) -> RunTables:
    """Read a run folder's tables. Raises DataError where they are missing or damaged."""
    from prunescope.analysis.levels import read_levels  # loads torch

    _check_whole(path, flaws_of(path / TABLES))
    levels = read_levels(path / TABLES / LEVELS)
    table = path / TABLES / UNITS
    units = read_table(table, LEVEL_UNIT_COLUMNS)
    groups = {cast(Place, place): own for place, own in units.groupby(PLACE, sort=False)}
    run = RunTables(path=path, levels=levels, units=groups)
    lost = [place for place in run.places if place not in groups]
    if lost:
        raise DataError(f"{table} has no units of {lost[0]}: {_again(path)}")
    layers = [name for name in layers_of_study(path) if name not in run.layers]
    _check_whole(path, [f"{LEVELS} lacks {name}" for name in layers])
    return run


def missing_evidence(run: RunTables) -> list[str]:
    """Say which levels and dissections are gone of which the tables tell; nothing where none is."""
    lost = dict.fromkeys(
        str(folder.relative_to(run.path))
        for place in run.places
        if (folder := _lost_folder(run.path, place)) is not None
    )
    if not lost:
        return []
    first, *others = lost
    more = f" and {len(others):,} more" if others else ""
    return [
        f"{first}{more}, of which the tables of {run.path} tell, is not there any more or not "
        f"whole: the numbers are those that were found then; {_again(run.path)}"
    ]


def _lost_folder(run: Path, place: Place) -> Path | None:
    """Return the folder of a level or of a layer's dissection in it that is gone, or not whole."""
    replicate, strategy, level, layer = place
    key = LevelKey(replicate=int(replicate), strategy=str(strategy), level=int(level))
    folder: Path = run / key.path
    if not (folder / METRICS).is_file():
        return folder
    dissection = folder / DISSECTION / str(layer)
    return None if (dissection / UNITS).is_file() else dissection


def _check_whole(run: Path, flaws: Sequence[str]) -> None:
    if flaws:
        raise DataError(f"{run / TABLES} is damaged ({flaws[0]}): {_again(run)}")


def _again(run: Path) -> str:
    return f"`prunescope run {run / STUDY} --out {run}` makes it again"


def saved_iou(run: Path) -> float | None:
    """Return the IoU above which a run counts units as interpretable, as its dissections say."""
    for level in level_folders(run):
        if (level / DISSECTION).is_dir():
            ious = (facts.get("iou") for facts in read_known(level).values())
            return next((float(iou) for iou in ious if iou is not None), None)
    return None


def summarise_run(run: RunTables, iou: float | None = None) -> list[dict[str, Any]]:
    """Return, for each level and layer, its place, weights left, accuracy and counts.

    iou: a unit is interpretable strictly above this; None keeps what the tables say, with what is
    beyond chance, which is not known at another. The rows say above which it is; None where the
    run's dissections, which know it, are gone.
    """
    facts = ["keep", "keep_overall", "accuracy"]
    saved = saved_iou(run.path)
    chance = [name for name in CHANCE if iou is None and name in run.levels]
    return [
        dict(zip(PLACE, place, strict=True))
        | {name: float(row[name]) for name in facts}
        | {"iou": saved if iou is None else iou}
        | summarise(run.units[place], iou)
        | {name: int(row[name]) for name in chance}
        for place, row in zip(run.places, run.levels.to_dict("records"), strict=True)
    ]
