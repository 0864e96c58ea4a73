"""How is it shown what longer formulas gain, and which are those of a unit?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import Cell, Column, Rows, Table
from prunescope.results.formulas import KEY

_TITLES = ("labels", "best for units", "interpretable", "mean IoU", "gain")
_BY_CHANCE = ("by chance", "its mean IoU")


def formula_tables(counts: Mapping[str, Any] | None) -> list[Table]:
    """Return a table of what longer formulas gain, from `formula_counts`; nothing without any."""
    if counts is None:
        return []
    by_chance = {each["length"]: each for each in counts.get("expected") or ()}
    rows: list[Sequence[Cell]] = [
        (
            *(each["length"], each["best"], each.get("interpretable")),
            *(f"{each['iou']:.3f}", f"{each['gain']:+.3f}"),
            *_expected(by_chance.get(each["length"])),
        )
        for each in counts["by_length"]
    ]
    titles = [*_TITLES, *(_BY_CHANCE if by_chance else ())]
    caption = "Formulas of up to so many labels"
    if by_chance:
        caption += f"; by chance: mean of {counted(counts['draws'], 'draw')}"
    return [
        Table(
            columns=[Column(title=title) for title in titles],
            groups=[Rows(rows=rows)],
            caption=caption,
        )
    ]


def formula_lines(formulas: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each formula of a unit of more than one label, from `formulas_of`."""
    for each in formulas:
        if each["length"] > 1:
            p = f", p {each['p']:.2g}" if "p" in each else ""
            yield (
                f"best formula of {each['length']} labels: {each['formula']}, "
                f"IoU {each['iou']:.3f}{p}"
            )


def search_text(summary: Mapping[str, Any]) -> str | None:
    """Say how formulas were searched for in a layer, of this summary; None where they were not."""
    stated = summary.get(KEY)
    if stated is None:
        return None
    return (
        f"of up to {stated['longest']} labels, beam {stated['beam']:,}, "
        f"{counted(stated['draws'], 'draw')} of chance"
    )


def _expected(of_length: Mapping[str, float] | None) -> tuple[Cell, ...]:
    if of_length is None:
        return ()
    return f"{of_length['interpretable']:,.1f}", f"{of_length['iou']:.3f}"
