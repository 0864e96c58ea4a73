"""What does a finished run hold, level by level?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa

from prunescope.analysis.summary import summarise
from prunescope.base.errors import DataError

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

    levels = read_levels(path / "tables" / "levels.csv")
    table = path / "tables" / "units.parquet"
    try:
        units = pd.read_parquet(table)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{table} cannot be read as a table: {error}") from error
    groups = {cast(Place, place): own for place, own in units.groupby(PLACE, sort=False)}
    run = RunTables(path=path, levels=levels, units=groups)
    lost = [place for place in run.places if place not in groups]
    if lost:
        raise DataError(f"{table} has no units of {lost[0]}: make it again with `report {path}`")
    return run


def summarise_run(run: RunTables, iou: float | None = None) -> list[dict[str, Any]]:
    """Return, for each level and layer, its place, weights left, accuracy and counts.

    iou: a unit is interpretable strictly above this; None keeps what the tables say, with what is
    beyond chance, which is not known at another.
    """
    facts = ["keep", "keep_overall", "accuracy"]
    chance = [name for name in CHANCE if iou is None and name in run.levels]
    return [
        dict(zip(PLACE, place, strict=True))
        | {name: float(row[name]) for name in facts}
        | summarise(run.units[place], iou)
        | {name: int(row[name]) for name in chance}
        for place, row in zip(run.places, run.levels.to_dict("records"), strict=True)
    ]
