"""How sure are the counts of a study's levels, for other images of the same kind?"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Int64

from prunescope.base.progress import SILENT, Progress
from prunescope.comparison.levels import measure_consistency, unpaired_consistency
from prunescope.comparison.outcomes import LayerComparison
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import DENSE
from prunescope.results.run_tables import KEY, LayerKey
from prunescope.results.units import categories_of, count_units, stacked
from prunescope.statistics.bootstrap import CHANGE, intervals_of
from prunescope.statistics.certainty import SHARES, judge_level
from prunescope.statistics.resampled import (
    OUTCOME_SHARE,
    UNIT_SHARES,
    Draws,
    ResampledLayer,
    resample,
)
from prunescope.statistics.settings import ResamplingSettings

_COUNTED = ("interpretable", "concepts")

Opened: TypeAlias = Callable[[], LayerDissection]
"""Opens a dissected layer when it is needed: all those of a study would not fit the memory."""


@dataclass(frozen=True, kw_only=True)
class ResampledLevels:
    """The levels of a study, all of them under the same draws of the images.

    intervals: a row per replicate, strategy, level and layer, with both ends of the 95 % interval
        of each number (`interpretable_low`, `interpretable_high`, ...; docs/formats.md).
    shares: a row per unit of each of these layers, with the shares of `ResampledLayer.units`, and
        in `outcome_share` that of what became of it since level 0; nan at level 0.
    concepts: a row per concept of each of these layers but level 0, or of its level 0: `category`,
        `concept`, its `outcome` since level 0, its interpretable units there (`units_before`) and
        here (`units_after`), the `share` of draws in which that holds, and whether it is `certain`.
    counts: `interpretable` units and `concepts` of each of these layers, in each draw.
    """

    intervals: pd.DataFrame
    shares: pd.DataFrame
    concepts: pd.DataFrame
    counts: Mapping[LayerKey, Mapping[str, Int64[np.ndarray, " draw"]]]

    def change_variance(
        self, layer: str, strategy: str, count: str, levels: Sequence[int]
    ) -> float:
        """Return J: how much the mean change of a count varies with the images (docs/method.md).

        It is the variance over draws of the mean, over replicates and levels, of ln(count), minus
        ln(baseline), the geometric mean of level 0's count and those of its dense twins, if any.
        Infinite where a count is 0 in a draw; nan without levels.
        count: `interpretable` or `concepts`. levels: pruned ones of the strategy.
        """
        of_layer = {key[:3]: drawn[count] for key, drawn in self.counts.items() if key[3] == layer}
        with np.errstate(divide="ignore", invalid="ignore"):  # of counts of 0
            logs = {key: np.log(drawn) for key, drawn in of_layer.items()}
            changes = [
                np.mean([logs[replicate, strategy, level] for level in levels], axis=0)
                - np.mean([logs[key] for key in logs if key[::2] == (replicate, 0)], axis=0)
                for replicate in {key[0] for key in logs if key[1] == strategy}
                if levels
            ]
        if not changes or len(changes[0]) < 2:
            return math.nan
        if not np.isfinite(changes).all():
            return math.inf
        return float(np.mean(changes, axis=0).var(ddof=1))


def resample_levels(
    layers: Mapping[LayerKey, Opened],
    settings: ResamplingSettings,
    *,
    progress: Progress = SILENT,
) -> ResampledLevels:
    """Resample the images of all levels of a study together.

    layers: every dissected layer, by the values of `KEY`; each replicate with its level 0, which
        the others are compared with, unit by unit.
    Raises DataError where a layer has no counts of its images, or they are damaged.
    """
    found: dict[LayerKey, _Numbers] = {}
    with progress.task("resampling images", len(layers)) as task:
        for key, numbers in _numbers(layers, settings):
            found[key] = numbers
            task.advance()
    rows = [{**dict(zip(KEY, key, strict=True)), **_ends(found[key])} for key in layers]
    counts = {key: {name: found[key].drawn[name] for name in _COUNTED} for key in layers}
    return ResampledLevels(
        intervals=pd.DataFrame(rows),
        shares=stacked(KEY, {key: found[key].shares for key in layers}),
        concepts=stacked(KEY, {key: found[key].concepts for key in layers}),
        counts=counts,
    )


@dataclass(frozen=True, kw_only=True)
class _Numbers:
    """The numbers of a layer of a level: as they were observed, in each draw, and of its units.

    units: how many there are at level 0, and at this one.
    """

    shares: pd.DataFrame
    concepts: pd.DataFrame
    observed: Mapping[str, Any]
    drawn: Mapping[str, Any]
    units: tuple[int, int]


def _numbers(
    layers: Mapping[LayerKey, Opened], settings: ResamplingSettings
) -> Iterator[tuple[LayerKey, _Numbers]]:
    """Yield the numbers of every layer, replicate by replicate, level 0 first."""
    draws: Draws | None = None
    for replicate, layer in dict.fromkeys((key[0], key[3]) for key in layers):
        unpruned = (replicate, DENSE, 0, layer)
        dense = resample(layers[unpruned](), settings, draws=draws)
        draws = dense.draws
        yield unpruned, _compared(dense, dense)
        for key, opened in layers.items():
            if (key[0], key[3]) == (replicate, layer) and key != unpruned:
                yield key, _compared(dense, resample(opened(), settings, draws=draws))


def _compared(dense: ResampledLayer, level: ResampledLayer) -> _Numbers:
    """Return the numbers of a layer, and what became of it since level 0."""
    units, before = level.layer.units, dense.layer.units
    counted, counted_before = (
        count_units(table, categories_of(units)) for table in (units, before)
    )
    shares = measure_consistency(before, units)
    compared, shares_in_draws = judge_level(dense, level)
    if compared.match != "identity":
        shares |= unpaired_consistency()
    return _Numbers(
        shares=_shares_of_units(level, None if level is dense else compared),
        concepts=_outcomes_of_concepts(
            compared.concepts[:0] if level is dense else compared.concepts
        ),
        observed=_named(counted, counted_before, shares),
        drawn=_named(level.counts, dense.counts, shares_in_draws),
        units=(len(before), len(units)),
    )


def _shares_of_units(level: ResampledLayer, compared: LayerComparison | None) -> pd.DataFrame:
    """Return the shares of a level's units, against level 0 if it is another one."""
    shares = level.units[["unit", *UNIT_SHARES]]
    if compared is None:
        return shares.assign(**{OUTCOME_SHARE: math.nan})
    pairs = compared.units.dropna(subset=["unit_b"]).set_index("unit_b")
    return shares.assign(**{OUTCOME_SHARE: shares["unit"].map(pairs["share"])})


def _outcomes_of_concepts(concepts: pd.DataFrame) -> pd.DataFrame:
    counts = {"units_a": "units_before", "units_b": "units_after"}
    names = ["category", "concept", "outcome", *counts, "share", "certain"]
    return concepts[names].rename(columns=counts)


def _named(
    counts: Mapping[str, Any], before: Mapping[str, Any], shares: Mapping[str, Any]
) -> dict[str, Any]:
    """Return numbers under their names in the table, or these in each draw. before: of level 0."""
    return {
        **{name: counts[name] for name in _COUNTED},
        **{f"{name}_{CHANGE}": counts[name] - before[name] for name in _COUNTED},
        **{name: shares[name] for name in SHARES},
        **{
            f"{category}_{kind}": number
            for category, within in counts["by_category"].items()
            for kind, number in within.items()
        },
    }


def _ends(numbers: _Numbers) -> dict[str, float]:
    """Return both ends of each interval under names of their own; nan where undefined."""
    found = intervals_of(numbers.observed, numbers.drawn, numbers.units).items()
    nothing = (math.nan, math.nan)
    return {
        f"{name}_{end}": value
        for name, ends in found
        for end, value in zip(("low", "high"), ends or nothing, strict=True)
    }
