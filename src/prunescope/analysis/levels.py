"""How do accuracy, units and concepts change from level to level?"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.analysis.consistency import measure_consistency
from prunescope.analysis.summary import summarise
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import write_atomically
from prunescope.results.cells import csv_bytes
from prunescope.results.columns import check_columns
from prunescope.results.layout import DENSE, LEVELS, UNITS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_csv
from prunescope.results.schemas import LEVEL_COLUMNS


@dataclass(frozen=True, kw_only=True)
class LevelRecord:
    """One finished level: its place in the study, its accuracy and its dissected layers.

    keep, keep_overall: fractions of the prunable and of all weights left, in (0, 1].
    accuracy: top-1, a share. units: per layer, its table of units.
    Level 0 is shared by all strategies, so its strategy is "dense", and no other level's is.
    """

    replicate: int
    strategy: str
    level: int
    keep: float
    keep_overall: float
    accuracy: float
    units: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        if (self.level == 0) != (self.strategy == DENSE):
            raise ConfigError(
                f'level {self.level} has the strategy "{self.strategy}", but "{DENSE}" names '
                "level 0, which all strategies share, and nothing else"
            )


def levels_table(records: Sequence[LevelRecord]) -> pd.DataFrame:
    """Return one row per level and layer, in the order of the records.

    `still_interpretable` and `same_concept` are shares against level 0 of the same replicate,
    their numerators beside them as `..._count`; the denominator of the second is the first's
    count, that of the first is level 0's `interpretable`. nan where a denominator is 0.
    Raises DataError where there is no record, or a replicate without its level 0.
    """
    unpruned = _unpruned(records)
    rows = [
        _row(record, layer, units, unpruned[record.replicate].units[layer])
        for record in records
        for layer, units in record.units.items()
    ]
    return pd.DataFrame(rows)


def units_table(records: Sequence[LevelRecord]) -> pd.DataFrame:
    """Return every unit of every layer of every level, in the order of the records."""
    place = ["replicate", "strategy", "level", "layer"]
    table = pd.concat(
        [
            units.assign(
                replicate=record.replicate,
                strategy=record.strategy,
                level=record.level,
                layer=layer,
            )
            for record in records
            for layer, units in record.units.items()
        ],
        ignore_index=True,
    )
    return table[[*place, *(name for name in table.columns if name not in place)]]


def write_tables(records: Sequence[LevelRecord], folder: Path) -> list[Path]:
    """Write `levels.csv` and `units.parquet` into a folder and return their paths."""
    levels, units = folder / LEVELS, folder / UNITS
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(levels, csv_bytes(levels_table(records), na_rep="nan"))
    content = io.BytesIO()
    units_table(records).to_parquet(content, index=False)
    write_atomically(units, content.getvalue())
    return [levels, units]


def read_levels(path: Path) -> pd.DataFrame:
    """Read `levels.csv` as it was written."""
    if not path.exists():
        raise DataError(f"{path} is missing: no level of this run has been tabulated yet")
    check_recorded(path)
    levels = read_csv(path, dtype={"strategy": str, "layer": str})
    check_columns(levels, LEVEL_COLUMNS, path)
    if not len(levels):
        raise DataError(f"{path} is damaged: it has no rows")
    return levels


def level_categories(levels: pd.DataFrame) -> tuple[str, ...]:
    """Return the categories that a table of levels counts, in its order."""
    columns = [str(name) for name in levels.columns]
    names = (name.removesuffix("_units") for name in columns if name.endswith("_units"))
    return tuple(name for name in names if f"{name}_concepts" in columns)


def _unpruned(records: Iterable[LevelRecord]) -> dict[int, LevelRecord]:
    records = list(records)
    if not records:
        raise DataError("no level is finished, so there is nothing to tabulate")
    unpruned = {record.replicate: record for record in records if record.level == 0}
    for record in records:
        if record.replicate not in unpruned:
            raise DataError(
                f"replicate {record.replicate} has level {record.level} but no level 0 "
                "to compare it with"
            )
    return unpruned


def _row(
    record: LevelRecord, layer: str, units: pd.DataFrame, unpruned: pd.DataFrame
) -> dict[str, Any]:
    summary = summarise(units)
    consistency = measure_consistency(unpruned, units)
    return {
        "replicate": record.replicate,
        "strategy": record.strategy,
        "level": record.level,
        "keep": record.keep,
        "keep_overall": record.keep_overall,
        "accuracy": record.accuracy,
        "layer": layer,
        "units": summary["units"],
        "interpretable": summary["interpretable"],
        "concepts": summary["concepts"],
        "dead": summary["dead"],
        **_discovery_columns(units),
        "still_interpretable": consistency.still_interpretable,
        "still_interpretable_count": consistency.still_interpretable_count,
        "same_concept": consistency.same_concept,
        "same_concept_count": consistency.same_concept_count,
        **_category_columns(summary),
    }


def _discovery_columns(units: pd.DataFrame) -> dict[str, int]:
    """Return what is beyond chance, and what is not decided, where the dissection asked for it."""
    if "undecided" not in units:
        return {}
    found = units[units["discovery"].astype(bool)]
    return {
        "discoveries": len(found),
        "discovered_concepts": found["label"].nunique(),
        "undecided": int(units["undecided"].sum()),
        "draws": int(units["draws"].max()),
    }


def _category_columns(summary: dict[str, Any]) -> dict[str, int]:
    return {
        f"{category}_{kind}": count
        for category, counts in summary["by_category"].items()
        for kind, count in (("units", counts["units"]), ("concepts", counts["concepts"]))
    }
