"""How many units of a dissection are interpretable, and which concepts do they hold?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.analysis.netdissect import TABLE_IOU, read_netdissect
from prunescope.analysis.places import holds_weights, layer_folders
from prunescope.base.errors import DataError
from prunescope.base.paths import is_there
from prunescope.dissection.chance import describe_chance
from prunescope.dissection.counts import by_layer, categories_of, count_units, counts_in_words
from prunescope.dissection.saved_layer import check_layer
from prunescope.results.layout import SUMMARY, UNITS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_form, read_table
from prunescope.results.schemas import DISSECTION_FORM, UNIT_COLUMNS


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
        return read_netdissect(path)
    return pd.concat([_read_layer(folder) for folder in layer_folders(path)], ignore_index=True)


def summarise(units: pd.DataFrame, iou: float | None = None) -> dict[str, Any]:
    """Count one layer's interpretable units and its concepts, by primary category.

    units: one row per unit. iou: a unit is interpretable if its best IoU is strictly above this;
    None keeps what the table says. Concepts are the distinct best labels among interpretable
    units (docs/method.md).
    """
    if iou is not None:
        units = units.assign(interpretable=units["iou"] > iou)
    return count_units(units, categories_of(units))


def describe_layers(summary: Mapping[str, Any]) -> str:
    """Write what `summarise_layers` returns as a table for a terminal, layer by layer."""
    return "\n\n".join(_described(name, counts) for name, counts in summary["layers"].items())


def _described(layer: str, counts: Mapping[str, Any]) -> str:
    lines = [
        f"{layer}: {counts_in_words(counts, counts.get('iou'))}",
        f"  {'':<12}{'units':>8}{'concepts':>10}",
    ]
    if "chance" in counts:
        lines.insert(1, f"  {describe_chance(counts['chance'])}")
    lines += [
        f"  {category:<12}{own['units']:>8,}{own['concepts']:>10,}"
        for category, own in counts["by_category"].items()
    ]
    return "\n".join(lines)


def summarise_layers(
    units: pd.DataFrame,
    iou: float | None = None,
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Summarise every layer, as `by_layer` gives it and `--json` prints it.

    known: what else is known of each layer; see `read_known`.
    """
    more = known or {}
    groups = units.groupby("layer", sort=False)
    return by_layer(
        {str(name): {**summarise(rows, iou), **more.get(str(name), {})} for name, rows in groups}
    )


def read_known(path: Path, iou: float | None = None) -> dict[str, dict[str, Any]]:
    """Return, by layer, the `iou` above which units are interpretable, and what is due to `chance`.

    path: as `read_units` takes it. iou: the one that is asked for; None stands for the one that
    was saved, at which alone it is known what is due to chance, if that was asked for.
    Raises DataError for a damaged summary.
    """
    if path.is_file():
        return {path.stem: {"iou": TABLE_IOU if iou is None else iou}}
    folders = layer_folders(path)
    found = {
        folder.resolve().name: read_form(folder / SUMMARY, DISSECTION_FORM)
        for folder in folders
        if is_there(folder / SUMMARY)
    }
    known: dict[str, dict[str, Any]] = {}
    for name, own in found.items():
        saved = (own.get("settings") or {}).get("iou")
        above = saved if iou is None else iou
        known[name] = {} if above is None else {"iou": above}
        if own.get("chance") is not None and iou in (None, saved):
            known[name]["chance"] = own["chance"]
    return known


def _read_layer(folder: Path) -> pd.DataFrame:
    units = read_table(folder / UNITS, UNIT_COLUMNS)
    check_recorded(folder / SUMMARY)
    if is_there(folder / SUMMARY):
        check_layer(folder, units, read_form(folder / SUMMARY, DISSECTION_FORM))
    units.insert(0, "layer", folder.resolve().name)
    return units
