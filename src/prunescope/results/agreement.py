"""Do the units, the counts and the summary of a saved layer belong to one dissection?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.base.text import counted, on_one_line
from prunescope.results.layout import COUNTS, SUMMARY, UNITS
from prunescope.results.overlap import Overlap
from prunescope.results.units import UNIT_NUMBERS, categories_of, count_units

_COUNTS = ("interpretable", "concepts", "dead")
_JUDGED = {"discoveries": "discovery", "undecided": "undecided"}


def check_layer(folder: Path, units: pd.DataFrame, summary: Mapping[str, Any]) -> None:
    """Raise DataError where a layer's table contradicts its summary.

    folder: that of both. Only what both of them state is compared.
    """
    stated = summary.get("units")
    if units["unit"].duplicated().any() or stated not in (None, len(units)):
        but = "" if stated is None else f", but {SUMMARY} counts {stated:,}"
        raise DataError(
            f"{folder / UNITS} is damaged: it holds {counted(len(units), 'unit')}, "
            f"{units['unit'].nunique():,} of them different{but}"
        )
    fault = next(_faults(units, summary), None)
    if fault is not None:
        raise DataError(
            f"{folder} is damaged: its {UNITS} and {SUMMARY} are not of one dissection "
            f"({fault}); dissect again"
        )


def check_overlap(
    folder: Path, overlap: Overlap, units: pd.DataFrame, summary: Mapping[str, Any]
) -> None:
    """Raise DataError where a layer's counts do not belong to its units and its summary."""
    chosen = (summary.get("settings") or {}).get("categories") or ()  # none stands for all
    labels = set(overlap.label_numbers.tolist())
    fits = (
        units["unit"].tolist() == (summary.get(UNIT_NUMBERS) or list(range(len(units))))
        and len(units) == len(overlap.thresholds)
        and set(units["label"].dropna().astype("int64")) <= labels
        and {*chosen, *categories_of(units)} <= set(overlap.categories)
    )
    if not fits:
        raise DataError(f"{folder} is damaged: its {COUNTS} is not of the units beside it")


def _faults(units: pd.DataFrame, summary: Mapping[str, Any]) -> Iterator[str]:
    counts = count_units(units, categories_of(units))
    for name in _COUNTS:
        if summary.get(name) not in (None, counts[name]):
            yield f"{name}: {counts[name]:,} and {summary[name]:,}"
    for category, stated in (summary.get("by_category") or {}).items():
        if stated != counts["by_category"].get(category, stated):
            yield f"the counts of {on_one_line(category)} differ"
    iou = (summary.get("settings") or {}).get("iou")
    if iou is not None and (units["interpretable"].astype(bool) != (units["iou"] > iou)).any():
        yield f"not all units above an IoU of {iou:g} are interpretable, and no others"
    yield from _faults_of_names(units)
    chance: Mapping[str, Any] | None = summary.get("chance")
    if chance is None and "p" in units:
        yield "the units have draws of chance, of which the summary says nothing"
    for name, flag in _JUDGED.items():
        if chance and name in chance and flag in units and chance[name] != units[flag].sum():
            yield f"{flag}: {int(units[flag].sum()):,} and {chance[name]:,}"


def _faults_of_names(units: pd.DataFrame) -> Iterator[str]:
    """Yield a fault where a unit's concept is not the best of its category."""
    interpretable = units.loc[units["interpretable"].astype(bool), ["concept", "category"]]
    if interpretable.isna().any(axis=None):
        yield "an interpretable unit has no concept"
    for category in categories_of(units):
        rows = (units["category"] == category).to_numpy(bool, na_value=False)
        best, named = units[f"{category}_label"][rows], units["concept"][rows]
        if (best.notna() & (best != named)).any():
            yield f"a concept is not the best of {on_one_line(category)}"
