"""How are the levels of a run shown in words and tables?"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from prunescope.report.curves import curves_of, strategies_of
from prunescope.report.document import (
    UNDEFINED,
    Cell,
    Column,
    Noted,
    Rows,
    Table,
    mean_text,
    share_text,
)
from prunescope.report.style import percent_text
from prunescope.results.layout import DENSE
from prunescope.results.run_tables import level_categories

_ONE_POINT = 0.01 + 1e-9  # of accuracy: the paper's "as good as unpruned"; 0.1 - 0.01 is above 0.09


def glance_at(levels: pd.DataFrame) -> Table:
    """Return, per layer and strategy, the unpruned level, and two pruned ones if there are any.

    These are the sparsest level whose accuracy (mean over replicates) is at most one point below
    the unpruned, and the sparsest of all; one row if they are the same.
    """
    layers = levels["layer"].unique()
    several = len(layers) > 1
    means = ", means over replicates" if levels["replicate"].nunique() > 1 else ""
    titles = ("Weights left", "Accuracy", "Interpretable units", "Concepts")
    rows: list[list[Cell]] = [
        [*([str(layer)] if several else []), *row]
        for layer in layers
        for row in _glances(levels[levels["layer"] == layer])
    ]
    return Table(
        columns=[
            *([Column(title="Layer")] if several else []),
            Column(title="Level", is_text=True),
            *(Column(title=title) for title in titles),
        ],
        groups=[Rows(rows=rows)],
        caption=f"At a glance{means}",
        look="glance",
    )


def tabulate_levels(levels: pd.DataFrame) -> dict[str, Table]:
    """Return a table for each layer: its levels, in groups of strategy and replicate."""
    return {
        str(layer): _levels_of(str(layer), levels[levels["layer"] == layer])
        for layer in levels["layer"].unique()
    }


def means_over_replicates(levels: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """Return the means of one layer's numbers, one row per level of a strategy, from level 0."""
    of_strategy = levels[levels["strategy"].isin([DENSE, strategy])]
    return of_strategy.groupby("level").mean(numeric_only=True)


def keep_text(keep: float) -> str:
    """Write the fraction of weights left as a percentage, as the figures label it."""
    return f"{percent_text(100 * keep)} %"


def beyond_chance_text(row: Mapping[Hashable, Any]) -> str:
    """Write how many units are beyond chance and how many undecided; zeros only if both are 0."""
    if "undecided" not in row:
        return UNDEFINED
    discovered, left = row["discoveries"], row["undecided"]
    words = [mean_text(discovered)] if discovered or not left else []
    words += [f"{mean_text(left)} undecided"] if left else []
    return ", ".join(words)


def _glances(levels: pd.DataFrame) -> Iterator[list[Cell]]:
    strategies = strategies_of(levels)
    yield _glance("Unpruned", means_over_replicates(levels, DENSE).iloc[0])
    for strategy in strategies:
        means = means_over_replicates(levels, strategy)
        pruned = means.iloc[1:]
        as_good = pruned[pruned["accuracy"] >= means["accuracy"].iloc[0] - _ONE_POINT]
        suffix = f" ({strategy})" * (len(strategies) > 1)
        if len(as_good):
            yield _glance(f"Sparsest within one point of accuracy{suffix}", as_good.iloc[-1])
        if len(pruned) and not (len(as_good) and as_good.index[-1] == pruned.index[-1]):
            yield _glance(f"Sparsest{suffix}", pruned.iloc[-1])


def _glance(title: str, means: "pd.Series[float]") -> list[Cell]:
    counts = (mean_text(means[name]) for name in ("interpretable", "concepts"))
    return [title, keep_text(means["keep"]), share_text(means["accuracy"]), *counts]


def _levels_of(layer: str, levels: pd.DataFrame) -> Table:
    categories, chance = level_categories(levels), "undecided" in levels
    several = len(strategies_of(levels)) > 1
    titles = (
        *("Level", "Weights left", "Accuracy", "Interpretable units", "Concepts", "Dead units"),
        *(["Beyond chance"] if chance else []),
        *("Still interpretable", "Same concept"),
    )
    group = "Units / concepts by category"
    return Table(
        columns=[
            *(Column(title=title) for title in titles),
            *(Column(title=category, group=group) for category in categories),
        ],
        groups=[
            Rows(
                title=f"Replicate {curve.replicate}" + f", {curve.strategy}" * several,
                rows=[list(row) for row in _level_rows(curve.rows, categories, chance=chance)],
            )
            for curve in curves_of(levels)
        ],
        caption=f"{layer}, {int(levels['units'].max())} units",
        look="levels",
    )


def _level_rows(
    rows: pd.DataFrame, categories: tuple[str, ...], *, chance: bool
) -> Iterator[list[Cell]]:
    before = int(rows["interpretable"].iloc[0])
    for row in rows.to_dict("records"):
        still, same = row["still_interpretable_count"], row["same_concept_count"]
        yield [
            str(row["level"]),
            keep_text(row["keep"]),
            share_text(row["accuracy"]),
            *(str(row[name]) for name in ("interpretable", "concepts", "dead")),
            *([beyond_chance_text(row)] if chance else []),
            _share_of(row["still_interpretable"], still, before),
            _share_of(row["same_concept"], same, still),
            *(f"{row[f'{name}_units']} / {row[f'{name}_concepts']}" for name in categories),
        ]


def _share_of(share: float, part: int, whole: int) -> Cell:
    """Write a share and its counts; a dash where numbers do not say which unit is which."""
    return UNDEFINED if share != share and whole else Noted(share_text(share), f"{part} of {whole}")
