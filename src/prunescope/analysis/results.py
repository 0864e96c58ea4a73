"""What do the numbers at a path say: of a dissection, a run or a comparison?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.analysis.level_text import Block, level_lines, mean, percent, replicates_text
from prunescope.analysis.places import is_comparison, is_run
from prunescope.analysis.runs import missing_evidence, open_run, summarise_run
from prunescope.analysis.saved_comparison import open_comparison
from prunescope.analysis.summary import describe_layers, read_known, read_units, summarise_layers
from prunescope.base.errors import ConfigError


def _keep_quiet(_: str) -> None:
    """Tell nobody."""


def summarise_result(
    path: Path, iou: float | None = None, *, tell: Callable[[str], object] = _keep_quiet
) -> tuple[dict[str, Any], str]:
    """Return a result's numbers, as `--json` prints them, and as text for a terminal.

    path: a dissection's, a layer's or a level's folder, a table of Network Dissection, a run's
        folder (every level of it), or what `compare --out` wrote.
    iou: a unit is interpretable strictly above this; None keeps what was saved.
    tell: is called with what the user should know beside them.
    Raises DataError where there is no such thing, ConfigError for a comparison at another IoU.
    """
    if is_comparison(path):
        return _summarise_comparison(path, iou)
    if is_run(path):
        run = open_run(path)
        for lost in missing_evidence(run):
            tell(lost)
        levels = summarise_run(run, iou)
        return {"levels": levels}, _describe_levels(levels)
    counts = summarise_layers(read_units(path), iou, read_known(path, iou))
    return counts, describe_layers(counts)


def _summarise_comparison(path: Path, iou: float | None) -> tuple[dict[str, Any], str]:
    compared = open_comparison(path)
    if iou not in (None, compared.iou):
        raise ConfigError(
            f"{path} compares at IoU {compared.iou:g}: for another, compare again with --iou"
        )
    return compared.summary(), str(compared)


def _describe_levels(levels: Sequence[Mapping[str, Any]]) -> str:
    """Write the levels of a run: means over its replicates, a table for each layer."""
    table = pd.DataFrame(levels)
    layers = list(dict.fromkeys(table["layer"]))
    strategies = list(dict.fromkeys(table["strategy"]))
    groups = table.groupby(["layer", "strategy", "level"])
    means = groups.mean(numeric_only=True).assign(replicates=groups.size()).reset_index()
    rows = sorted(
        means.to_dict("records"),
        key=lambda row: (
            layers.index(row["layer"]),
            strategies.index(row["strategy"]),
            row["level"],
        ),
    )
    by_layer = groupby(rows, key=lambda row: row["layer"])
    iou = levels[0]["iou"]
    above = "" if iou is None else f", interpretable above IoU {iou:g}"
    return "\n\n".join("\n".join(_layer_lines(name, list(own), above)) for name, own in by_layer)


def _layer_lines(layer: str, rows: Sequence[Mapping[Any, Any]], above: str) -> Iterator[str]:
    yield f"{layer}: {mean(rows[0]['units'])} units{above}, {replicates_text(rows)}"
    yield ""
    if not all("undecided" in row for row in rows):
        yield from level_lines(_COLUMNS, rows)
        return
    yield from level_lines((*_COLUMNS, _CHANCE), [_without_a_wrong_zero(row) for row in rows])


def _without_a_wrong_zero(row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a row in which no discovery is undefined, where units are undecided."""
    none_yet = row["discoveries"] == 0 and row["undecided"] > 0
    return {**row, "discoveries": None} if none_yet else row


_COLUMNS = (
    Block(heading="", columns={"weights": "keep", "accuracy": "accuracy"}, write=percent),
    Block(
        heading="",
        columns={"interpretable": "interpretable", "concepts": "concepts", "dead": "dead"},
        write=mean,
    ),
)
_CHANCE = Block(
    heading="",
    columns={"beyond chance": "discoveries", "undecided": "undecided"},
    write=mean,
)
