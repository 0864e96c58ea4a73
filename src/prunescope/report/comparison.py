"""What does a comparison leave behind: its tables, its numbers and its figure?"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

# Python 3.11's own Protocol computes every property when asked isinstance()
from typing_extensions import Protocol, runtime_checkable

from prunescope.analysis.comparison import Comparison
from prunescope.analysis.places import is_comparison
from prunescope.analysis.run_comparison import RunComparison
from prunescope.base.errors import ConfigError
from prunescope.base.files import write_atomically
from prunescope.base.folders import replacing
from prunescope.report.comparison_figure import comparison_names, outcomes_figure
from prunescope.report.style import LIGHT, drawing, figure_bytes
from prunescope.results.cells import csv_bytes
from prunescope.results.checksums import record_checksums
from prunescope.results.layout import CHECKSUMS, CONCEPTS, LEVELS, SUMMARY, UNITS, UNITS_AS_TEXT

_FORMS = ("png", "svg")
_SIDES = ("a", "b")
_FILES = {
    UNITS,
    UNITS_AS_TEXT,
    CONCEPTS,
    LEVELS,
    SUMMARY,
    CHECKSUMS,
    *(f"comparison.{form}" for form in _FORMS),
}


@runtime_checkable
class Saveable(Protocol):
    """What a Dissection is to a comparison's folder; this module does without torch."""

    def save(self, folder: Path | str) -> None:
        """Write it into a folder."""


def write_comparison(
    comparison: Comparison | RunComparison,
    out: Path,
    *,
    dissections: Mapping[str, Saveable] = MappingProxyType({}),
) -> None:
    """Write a comparison's tables, summary and figure into a folder, all of them or none.

    `units.parquet`, `units.csv`, `concepts.csv`, `summary.json`, `comparison.png` (200 dpi),
    `comparison.svg` and `checksums.json`; for two runs also `levels.csv`. A comparison that is
    there already is replaced as a whole. Raises ConfigError where the folder holds anything else.
    Equal comparisons give equal bytes.
    dissections: what was dissected for it, saved beside it under "a" and "b".
    """
    check_room(out)
    with replacing(out) as draft:
        _write_table(comparison.units, draft / "units")
        _write_csv(comparison.concepts, draft / CONCEPTS)
        if isinstance(comparison, RunComparison):
            _write_csv(comparison.levels, draft / LEVELS)
        summary = json.dumps(comparison.summary(), indent=2, ensure_ascii=False) + "\n"
        write_atomically(draft / SUMMARY, summary.encode())
        for side, dissection in dissections.items():
            dissection.save(draft / side)
        for form, content in render_comparison(comparison, _FORMS).items():
            write_atomically(draft / f"comparison.{form}", content)
        record_checksums(draft)


def render_comparison(
    comparison: Comparison | RunComparison, forms: Sequence[str]
) -> dict[str, bytes]:
    """Return a comparison's figure as png, svg or pdf, by form."""
    with drawing(LIGHT, comparison_names(comparison)):
        if isinstance(comparison, RunComparison):
            from prunescope.report.run_comparison_figure import levels_figure  # loads torch

            return figure_bytes(levels_figure(comparison, LIGHT), forms)
        return figure_bytes(outcomes_figure(comparison.summary(), LIGHT), forms)


def check_room(out: Path) -> None:
    """Raise ConfigError where a folder holds anything but a comparison."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file: give a folder as --out")
    for entry in sorted(out.iterdir()) if out.exists() else ():
        if entry.name not in _FILES | set(_SIDES) or not is_comparison(out):
            raise ConfigError(
                f"{out} is not empty and not a comparison (it holds {entry.name}): give another "
                "--out"
            )


def _write_table(table: pd.DataFrame, path: Path) -> None:
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    write_atomically(path.with_suffix(".parquet"), content.getvalue())
    _write_csv(table, path.with_suffix(".csv"))


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    write_atomically(path, csv_bytes(table))
