"""How does a table of levels read on a terminal?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Block:
    """Neighbouring columns under one heading: a name, and the key of the rows, for each."""

    heading: str
    columns: Mapping[str, str]
    write: Callable[[float | None], str]

    @property
    def widths(self) -> list[int]:
        """Characters of each column, with the gap before it."""
        return [max(len(name), 7) + 2 for name in self.columns]


def level_lines(blocks: Sequence[Block], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of headings and one for each row, which has a `strategy` and a `level`."""
    left = max(len("strategy"), *(len(row["strategy"]) for row in rows))
    heads = "".join(f"{block.heading:>{sum(block.widths)}}" for block in blocks)
    names = [name for block in blocks for name in block.columns]
    widths = [width for block in blocks for width in block.widths]
    if heads.strip():
        yield f"  {'':<{left}}       {heads}"
    yield f"  {'strategy':<{left}}  level" + _aligned(names, widths)
    for row in rows:
        cells = [block.write(row[key]) for block in blocks for key in block.columns.values()]
        yield f"  {row['strategy']:<{left}}{row['level']:>7}" + _aligned(cells, widths)


def replicates_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say over how many replicates the means of the rows are."""
    numbers = sorted({row["replicates"] for row in rows})
    count = "–".join(map(str, dict.fromkeys((numbers[0], numbers[-1]))))
    return f"means over {count} replicate{'s' if numbers[-1] > 1 else ''}"


def percent(share: float | None) -> str:
    """Write a share as a percentage with one decimal; a dash where it is undefined."""
    return "–" if share is None else f"{100 * share:.1f} %"


def mean(number: float | None) -> str:
    """Write a mean of counts with one decimal, if it has any; a dash where it is undefined."""
    return "–" if number is None else f"{number:,.1f}".removesuffix(".0")


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
