"""How does a comparison of two runs read on a terminal?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from prunescope.analysis.level_text import Block, level_lines, mean, percent, replicates_text


def describe_runs(summary: Mapping[str, Any]) -> str:
    """Write what a RunComparison's `summary()` holds: two tables for each layer."""
    sides = "\n".join(f"{letter}  {summary[letter.lower()]['name']}" for letter in "AB")
    layers = groupby(summary["levels"], key=lambda row: row["layer"])
    tables = ["\n".join(_layer_lines(layer, list(rows), summary["iou"])) for layer, rows in layers]
    return "\n\n".join([sides, *tables])


def _layer_lines(layer: str, rows: Sequence[Mapping[str, Any]], iou: float) -> Iterator[str]:
    yield f"{layer}: {replicates_text(rows)}, interpretable above IoU {iou:g}"
    for blocks in (_SIDES, _OUTCOMES):
        yield ""
        yield from level_lines(blocks, rows)


def _both(heading: str, key: str, write: Callable[[float | None], str]) -> Block:
    return Block(heading=heading, columns={"A": f"{key}_a", "B": f"{key}_b"}, write=write)


def _counts(kind: str, *names: str) -> Block:
    return Block(heading=kind, columns={name: f"{kind}_{name}" for name in names}, write=mean)


_SIDES = (
    _both("weights left", "keep", percent),
    _both("accuracy", "accuracy", percent),
    _both("units", "units", mean),
    _both("concepts", "concepts", mean),
)
_OUTCOMES = (
    _counts("units", "kept", "relabelled", "lost", "gained"),
    _counts("concepts", "kept", "lost", "gained"),
)
