"""How many units of a dissection are interpretable, and which concepts do they hold?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from prunescope.analysis.places import UNITS, holds_weights, layer_folders
from prunescope.base.errors import DataError
from prunescope.dissection.counts import by_layer, count_units

_NETDISSECT_COLUMNS = ("unit", "category", "label", "score")
_NETDISSECT_NUMBERS = ("-truth", "-activation", "-intersect", "-iou")
_NETDISSECT_IOU = 0.05
_OUR_COLUMNS = ("unit", "concept", "category", "iou", "interpretable", "dead")


def read_units(path: Path) -> pd.DataFrame:
    """Return the units of any saved dissection, one row per layer and unit, units from 0.

    path: a dissection's folder (one folder per layer in it), one layer's folder, a level's of a
    run, or a CSV of Network Dissection (2017) or NetDissect-Lite. Such a CSV becomes one layer
    named after the file, its units (from 1 there) count from 0, it has no label numbers and no
    thresholds, and `interpretable` is at 0.05, as in Frankle & Bau (2019); those tools report 0.04.
    Raises DataError where there is nothing of that kind.
    """
    if path.is_file():
        if holds_weights(path):
            raise DataError(
                f"{path} holds a network's weights, not a dissection: `dissect` it first; or "
                "`compare` two such files with --layer and --concepts"
            )
        return _read_netdissect(path)
    return pd.concat([_read_layer(folder) for folder in layer_folders(path)], ignore_index=True)


def categories_of(units: pd.DataFrame) -> tuple[str, ...]:
    """Return the categories whose best label and IoU a table of units holds, in its order."""
    columns = set(units.columns)
    names = (str(name).removesuffix("_iou") for name in units.columns if name != "iou")
    return tuple(name for name in names if {f"{name}_iou", f"{name}_label"} <= columns)


def summarise(units: pd.DataFrame, iou: float | None = None) -> dict[str, Any]:
    """Count one layer's interpretable units and its concepts, by primary category.

    units: one row per unit. iou: a unit is interpretable if its best IoU is strictly above this;
    None keeps what the table says. Concepts are the distinct best labels among interpretable
    units (METHOD section 2).
    """
    if iou is not None:
        units = units.assign(interpretable=units["iou"] > iou)
    return count_units(units, categories_of(units))


def describe_layers(summary: Mapping[str, Any]) -> str:
    """Write what `summarise_layers` returns as a table for a terminal, layer by layer."""
    return "\n\n".join(_described(name, counts) for name, counts in summary["layers"].items())


def _described(layer: str, counts: Mapping[str, Any]) -> str:
    lines = [
        f"{layer}: {counts['interpretable']:,} of {counts['units']:,} units are interpretable, "
        f"of {counts['concepts']:,} concepts; {counts['dead']:,} never fire",
        f"  {'':<12}{'units':>8}{'concepts':>10}",
    ]
    lines += [
        f"  {category:<12}{own['units']:>8,}{own['concepts']:>10,}"
        for category, own in counts["by_category"].items()
    ]
    return "\n".join(lines)


def summarise_layers(units: pd.DataFrame, iou: float | None = None) -> dict[str, Any]:
    """Summarise every layer, as `by_layer` gives it and `--json` prints it."""
    groups = units.groupby("layer", sort=False)
    return by_layer({str(name): summarise(rows, iou) for name, rows in groups})


def _read_layer(folder: Path) -> pd.DataFrame:
    path = folder / UNITS
    try:
        units = pd.read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error
    _require(units, _OUR_COLUMNS, path)
    units.insert(0, "layer", folder.resolve().name)
    return units


def _read_netdissect(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
        names = [str(name) for name in table.columns]
        numbers = [
            name
            for name in names
            if name in ("unit", "score") or name.endswith(_NETDISSECT_NUMBERS)
        ]
        table[numbers] = table[numbers].apply(pd.to_numeric)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as a CSV of units: {error}") from error
    _require(table, _NETDISSECT_COLUMNS, path)
    categories = [name.removesuffix("-label") for name in names if name.endswith("-label")]
    if not categories:
        raise DataError(f"{path} is no result of Network Dissection: it has no CATEGORY-label")
    for category in categories:
        _require(table, [f"{category}{field}" for field in _NETDISSECT_NUMBERS], path)
    return _from_netdissect(table, categories, path.stem)


def _from_netdissect(table: pd.DataFrame, categories: list[str], layer: str) -> pd.DataFrame:
    activation = table[[f"{category}-activation" for category in categories]].sum(axis="columns")
    dead = activation == 0
    named = (table["score"] > 0) & ~dead
    counts = {
        ours: _of_best_category(table, theirs)
        for ours, theirs in (
            ("intersection", "intersect"),
            ("activation", "activation"),
            ("truth", "truth"),
        )
    }
    by_category = {
        f"{category}_{field}": table[f"{category}-{field}"]
        for category in categories
        for field in ("label", "iou")
    }
    return pd.DataFrame(
        {
            "layer": layer,
            "unit": table["unit"] - 1,
            "label": pd.array([pd.NA] * len(table), dtype="Int64"),
            "concept": table["label"].where(named),
            "category": table["category"].where(named),
            "iou": table["score"].mask(dead),
            "threshold": float("nan"),
            **counts,
            "interpretable": named & (table["score"] > _NETDISSECT_IOU),
            "dead": dead,
            **by_category,
        }
    )


def _of_best_category(table: pd.DataFrame, field: str) -> list[int]:
    """Return, per row, the count of the category its best label is of; 0 where it has none."""
    columns = set(table.columns)
    names = [f"{category}-{field}" for category in table["category"]]
    return [int(table[name].iloc[row]) if name in columns else 0 for row, name in enumerate(names)]


def _require(table: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{path} is no table of units: it has no column {', '.join(missing)}")
