"""How do the levels read as words and tables?"""

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from prunescope.analysis.levels import level_categories
from prunescope.report.lines import curves_of, strategies_of
from prunescope.report.style import percent_text
from prunescope.results.layout import DENSE

_UNDEFINED = "–"
_ONE_POINT = 0.01  # of accuracy: the paper's measure of "as good as unpruned"


@dataclass(frozen=True, kw_only=True)
class Glance:
    """The mean over replicates at one telling level of one strategy and layer."""

    layer: str
    title: str
    keep: str
    accuracy: str
    interpretable: str
    concepts: str


@dataclass(frozen=True, kw_only=True)
class LevelRow:
    """One level of one replicate in one layer, as text."""

    level: int
    keep: str
    accuracy: str
    interpretable: int
    concepts: int
    dead: int
    beyond_chance: str
    still_interpretable: str
    still_interpretable_of: str
    same_concept: str
    same_concept_of: str
    by_category: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class LevelGroup:
    """The levels of one replicate under one strategy, level 0 first."""

    title: str
    rows: tuple[LevelRow, ...]


@dataclass(frozen=True, kw_only=True)
class LevelTable:
    """All levels of one layer; units is how many it has.

    chance: whether it is known which units are beyond chance.
    """

    layer: str
    units: int
    categories: tuple[str, ...]
    chance: bool
    groups: tuple[LevelGroup, ...]


def glance_at(levels: pd.DataFrame) -> list[Glance]:
    """Return, per layer and strategy, the unpruned level and what became of it.

    That is the sparsest level whose accuracy (mean over replicates) is at most one point below
    the unpruned, and the sparsest of all, each once, so far as there are such pruned levels.
    """
    return [
        glance
        for layer in levels["layer"].unique()
        for glance in _glances(levels[levels["layer"] == layer], str(layer))
    ]


def tabulate_levels(levels: pd.DataFrame) -> list[LevelTable]:
    """Return one table per layer: its levels, in groups of strategy and replicate."""
    categories = level_categories(levels)
    several = len(strategies_of(levels)) > 1
    return [
        LevelTable(
            layer=str(layer),
            units=int(own["units"].max()),
            categories=categories,
            chance="undecided" in own,
            groups=tuple(
                LevelGroup(
                    title=f"Replicate {curve.replicate}" + f", {curve.strategy}" * several,
                    rows=tuple(_level_rows(curve.rows, categories)),
                )
                for curve in curves_of(own)
            ),
        )
        for layer in levels["layer"].unique()
        for own in [levels[levels["layer"] == layer]]
    ]


def means_over_replicates(levels: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """Return the means of one layer's numbers, one row per level of a strategy, from level 0."""
    own = levels[levels["strategy"].isin([DENSE, strategy])]
    return own.groupby("level").mean(numeric_only=True)


def share_text(share: float) -> str:
    """Write a share as a percentage with one decimal; a dash where it is undefined."""
    return _UNDEFINED if math.isnan(share) else f"{100 * share:.1f} %"


def keep_text(keep: float) -> str:
    """Write the fraction of weights left as a percentage, as the figures label it."""
    return f"{percent_text(100 * keep)} %"


def number_text(number: float) -> str:
    """Write a count, or a mean of counts with one decimal."""
    return f"{number:,.1f}".removesuffix(".0")


def beyond_chance_text(row: Mapping[Hashable, Any]) -> str:
    """Write how many units are beyond chance and how many undecided; never none where any is."""
    if "undecided" not in row:
        return _UNDEFINED
    found, left = row["discoveries"], row["undecided"]
    words = [number_text(found)] if found or not left else []
    words += [f"{number_text(left)} undecided"] if left else []
    return ", ".join(words)


def _glances(levels: pd.DataFrame, layer: str) -> Iterator[Glance]:
    strategies = strategies_of(levels)
    yield _glance(layer, "Unpruned", means_over_replicates(levels, DENSE).iloc[0])
    for strategy in strategies:
        means = means_over_replicates(levels, strategy)
        pruned = means.iloc[1:]
        as_good = pruned[pruned["accuracy"] >= means["accuracy"].iloc[0] - _ONE_POINT]
        suffix = f" ({strategy})" * (len(strategies) > 1)
        if len(as_good):
            title = f"Sparsest within one point of accuracy{suffix}"
            yield _glance(layer, title, as_good.iloc[-1])
        if len(pruned) and not (len(as_good) and as_good.index[-1] == pruned.index[-1]):
            yield _glance(layer, f"Sparsest{suffix}", pruned.iloc[-1])


def _glance(layer: str, title: str, means: "pd.Series[float]") -> Glance:
    return Glance(
        layer=layer,
        title=title,
        keep=keep_text(means["keep"]),
        accuracy=share_text(means["accuracy"]),
        interpretable=number_text(means["interpretable"]),
        concepts=number_text(means["concepts"]),
    )


def _level_rows(rows: pd.DataFrame, categories: tuple[str, ...]) -> Iterator[LevelRow]:
    before = rows["interpretable"].iloc[0]
    for row in rows.to_dict("records"):
        yield LevelRow(
            level=row["level"],
            keep=keep_text(row["keep"]),
            accuracy=share_text(row["accuracy"]),
            interpretable=row["interpretable"],
            concepts=row["concepts"],
            dead=row["dead"],
            beyond_chance=beyond_chance_text(row),
            still_interpretable=share_text(row["still_interpretable"]),
            still_interpretable_of=f"{row['still_interpretable_count']} of {before}",
            same_concept=share_text(row["same_concept"]),
            same_concept_of=f"{row['same_concept_count']} of {row['still_interpretable_count']}",
            by_category=tuple(
                (row[f"{name}_units"], row[f"{name}_concepts"]) for name in categories
            ),
        )
