"""Which comparison does a folder hold?"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from prunescope.base.errors import DataError
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.outcomes import LayerComparison, with_certainty
from prunescope.comparison.runs import RunComparison
from prunescope.results.columns import Columns, check_columns
from prunescope.results.forms import read_json
from prunescope.results.layout import CONCEPTS, LEVELS, SUMMARY, UNITS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_csv, read_form, read_table
from prunescope.results.schemas import (
    COMPARED_CONCEPT_COLUMNS,
    COMPARED_LEVEL_COLUMNS,
    COMPARED_UNIT_COLUMNS,
    COMPARISON_FORM,
    RUN_COMPARISON_FORM,
)
from prunescope.results.units import intervals_in

_TEXTS = {"layer": "str", "strategy": "str"} | dict.fromkeys(
    ("category", "concept", "outcome"), "string"
)
_UNITS_OF_A_SIDE = {f"best_unit_{letter}": "Int64" for letter in "ab"}


def open_comparison(folder: Path) -> Comparison | RunComparison:
    """Return what `compare --out` wrote. Raises DataError where a file is missing or damaged."""
    summary = read_summary(folder)
    try:
        units = read_table(folder / UNITS, COMPARED_UNIT_COLUMNS)
        concepts = _read_csv(folder / CONCEPTS, COMPARED_CONCEPT_COLUMNS)
        sides: dict[str, Any] = {
            "a": summary["a"],
            "b": summary["b"],
            "iou": summary["iou"],
            "warnings": tuple(summary["warnings"]),
        }
        units, concepts = (
            with_certainty(table, table.get("share", math.nan)) for table in (units, concepts)
        )
        _check_flags(folder, units, summary["iou"])
        if "levels" in summary:
            levels = _read_csv(folder / LEVELS, COMPARED_LEVEL_COLUMNS)
            runs = RunComparison(**sides, levels=levels, units=units, concepts=concepts)
            if not _agree(runs, summary):
                raise _contradictory(folder)
            return runs
        named = set(summary["layers"])
        if not named or set(units["layer"]) != named or not set(concepts["layer"]) <= named:
            raise _contradictory(folder)
        layers = {
            name: _layer(counts, _of(name, units), _of(name, concepts))
            for name, counts in summary["layers"].items()
        }
        compared = Comparison(**sides, layers=layers, resampling=summary.get("resampling"))
        if compared.summary()["layers"] != summary["layers"]:
            raise _contradictory(folder)
        return compared
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{folder} is not what `compare --out` writes: {error!r}") from None


def _contradictory(folder: Path) -> DataError:
    return DataError(f"{folder} is damaged: its tables are not those that {SUMMARY} counts")


def _check_flags(folder: Path, units: pd.DataFrame, iou: float) -> None:
    """Raise DataError where the interpretable units are not those above the stated IoU."""
    for letter in "ab":
        above = (units[f"iou_{letter}"] > iou) & units[f"concept_{letter}"].notna()
        if not above.equals(units[f"interpretable_{letter}"].astype(bool)):
            raise _contradictory(folder)


def _agree(runs: RunComparison, summary: Mapping[str, Any]) -> bool:
    """Return whether the table of levels agrees with the summary and with the units."""
    levels, stated = runs.summary()["levels"], summary["levels"]
    if len(levels) != len(stated) or not levels:
        return False
    alike = all(
        _alike(level.get(name), value)
        for level, row in zip(levels, stated, strict=True)
        for name, value in row.items()
    )
    key = ["layer", "strategy", "level"]
    of_levels, of_units = (
        set(table[key].itertuples(index=False, name=None)) for table in (runs.levels, runs.units)
    )
    return alike and of_levels == of_units


def _alike(first: Any, second: Any) -> bool:
    """Return whether two values are equal, floats up to the precision of a CSV."""
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-12)
    return bool(first == second)


def read_summary(folder: Path) -> dict[str, Any]:
    """Return the `summary.json` of a comparison. Raises DataError where it is damaged."""
    of_runs = "levels" in read_json(folder / SUMMARY)
    try:
        return read_form(folder / SUMMARY, RUN_COMPARISON_FORM if of_runs else COMPARISON_FORM)
    except DataError as error:
        raise DataError(f"{folder} is not what `compare --out` writes: {error}") from None


def _layer(
    counts: Mapping[str, Any], units: pd.DataFrame, concepts: pd.DataFrame
) -> LayerComparison:
    of_units = counts["units"]
    return LayerComparison(
        layer_a=counts["layer_a"],
        layer_b=counts["layer_b"],
        match=counts["match"],
        categories=tuple(counts["by_category"]),
        units=units,
        concepts=concepts,
        totals=(of_units["total_a"], of_units["total_b"]),
        dead=(of_units["dead_a"], of_units["dead_b"]),
        intervals=intervals_in(counts) or None,
    )


def _of(layer: str, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["layer"] == layer].drop(columns="layer").reset_index(drop=True)


def _read_csv(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a table in which only numbers may be missing; a text may be anything, even "null"."""
    check_recorded(path)
    names = read_csv(path, nrows=0).columns
    texts = [name for name in names if name in _TEXTS]
    table = read_csv(
        path,
        dtype={name: kind for name, kind in (_TEXTS | _UNITS_OF_A_SIDE).items() if name in names},
        keep_default_na=False,
        na_values={name: [""] for name in names if name not in texts},
    )
    check_columns(table, columns, path)
    return table
