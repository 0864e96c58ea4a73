"""How sure is it what became of a layer's units and concepts in another?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int32, Int64

from prunescope.comparison.comparability import has_same_basis
from prunescope.comparison.outcomes import (
    GAINED,
    KEPT,
    LOST,
    RELABELLED,
    LayerComparison,
    compare_units,
    count_outcomes,
    with_certainty,
)
from prunescope.comparison.pairing import no_pairs, pair_by_number
from prunescope.results.dissection import LayerDissection
from prunescope.results.overlap import Overlap
from prunescope.results.units import categories_of
from prunescope.statistics.bootstrap import CHANGE, intervals_of
from prunescope.statistics.by_image import has_counts_by_image
from prunescope.statistics.concepts import NO_CONCEPT
from prunescope.statistics.resampled import (
    UNIT_SHARES,
    OtherImages,
    ResampledLayer,
    labels_present,
    resample,
)
from prunescope.statistics.settings import ResamplingSettings

SHARES = ("still_interpretable", "same_concept")
"""Those of Figure 4 (Frankle & Bau 2019)."""
_WITHOUT = "so the counts have no intervals, and no outcome is called certain"

_Flags = Bool[np.ndarray, "row draw"]
_Concepts = Int32[np.ndarray, "row draw"]
_Ids = Int32[np.ndarray, " label"]


def judge_layers(
    a: LayerDissection,
    b: LayerDissection,
    compared: LayerComparison,
    settings: ResamplingSettings,
    iou: float,
) -> tuple[list[str], LayerComparison]:
    """Return the comparison of two layers with how sure it is, by resampling their images.

    In each draw the images are the same on both sides, so that errors common to both cancel. An
    outcome is certain if it holds in 95 % of the draws; kept holds where nothing changes, thus also
    in a draw in which a unit or concept is on neither side.
    Where images cannot be resampled, return the comparison as it is, with a warning that says why.
    """
    lacking = [letter for letter, layer in (("A", a), ("B", b)) if not has_counts_by_image(layer)]
    if lacking:
        sides = f"{' and '.join(lacking)} {'have' if len(lacking) > 1 else 'has'}"
        return [f"{sides} no counts of single images, {_WITHOUT}"], compared
    first = resample(a, settings, iou=iou)
    try:
        second = resample(b, settings, iou=iou, draws=first.draws)
    except OtherImages:
        return [f"A and B were counted on other images or labels, {_WITHOUT}"], compared
    return [], _judged(compared, first, second)


def judge_level(
    dense: ResampledLayer, level: ResampledLayer
) -> tuple[LayerComparison, dict[str, np.ndarray]]:
    """Return what became of level 0's units and concepts, and the shares of Figure 4 in each draw.

    Units are paired by number, removed ones with none; where they are other directions, concepts
    alone are compared. Each outcome has its share of draws.
    """
    before, after = dense.layer.units, level.layer.units
    paired = has_same_basis(dense.layer, level.layer)
    compared = compare_units(
        before,
        after,
        layers=(dense.layer.layer, level.layer.layer),
        categories=categories_of(before),
        pairs=pair_by_number(before, after, partly=True) if paired else no_pairs(),
        match="identity" if paired else "concept",
        iou=None,
    )
    compared, draws = _with_shares(compared, dense, level)
    undefined = np.full(dense.concepts.shape[1], np.nan)
    counts = draws.unit_counts()
    return compared, {name: counts.get(name, undefined) for name in SHARES}


def _with_shares(
    compared: LayerComparison, a: ResampledLayer, b: ResampledLayer
) -> tuple[LayerComparison, "_PairedDraws"]:
    """Return a comparison with the share of draws in which each outcome holds, and these draws."""
    units, concepts = compared.units, compared.concepts
    draws = _pair(a, b, units["unit_a"], units["unit_b"], is_paired=compared.match != "concept")
    if draws.is_paired:
        units = with_certainty(units, _shares(units["outcome"], draws.units))
    ids = _ids_of(concepts, a, b)
    present = {name: flags[ids] for name, flags in draws.concepts.items()}
    concepts = with_certainty(concepts, _shares(concepts["outcome"], present))
    return replace(compared, units=units, concepts=concepts), draws


def _judged(compared: LayerComparison, a: ResampledLayer, b: ResampledLayer) -> LayerComparison:
    certain, draws = _with_shares(compared, a, b)
    units = certain.units.assign(**_of_sides(certain.units, {"a": a, "b": b}))
    certain = replace(certain, units=units, intervals={})
    columns = {name: a.layer.overlap.categories.index(name) for name in compared.categories}
    drawn = {
        **draws.counts(),
        "by_category": {name: draws.counts(column) for name, column in columns.items()},
    }
    observed = _with_changes(count_outcomes(certain))
    return replace(certain, intervals=intervals_of(observed, drawn, compared.totals))


def _of_sides(
    units: pd.DataFrame, sides: Mapping[str, ResampledLayer]
) -> dict[str, "pd.Series[float]"]:
    """Return in which shares of the draws the unit of each row is sure, on either side."""
    of_side = {letter: side.units.set_index("unit") for letter, side in sides.items()}
    return {
        f"{name}_{letter}": units[f"unit_{letter}"].map(shares[name]).astype("float64")
        for letter, shares in of_side.items()
        for name in UNIT_SHARES
    }


@dataclass(frozen=True, kw_only=True)
class _PairedDraws:
    """The concept of A and of B in each row of a comparison's units, in each draw.

    a, b: its id; NO_CONCEPT where the unit is not interpretable, or there is none.
    category_of: of each concept, the number of its category.
    """

    a: _Concepts
    b: _Concepts
    category_of: Int64[np.ndarray, " concept"]
    is_paired: bool

    @cached_property
    def units(self) -> dict[str, _Flags]:
        """In which draws each unit has each outcome."""
        in_a, in_b = self.a != NO_CONCEPT, self.b != NO_CONCEPT
        both, same = in_a & in_b, self.a == self.b
        return {
            KEPT: both & same,
            RELABELLED: both & ~same,
            LOST: in_a & ~in_b,
            GAINED: in_b & ~in_a,
        }

    @cached_property
    def concepts(self) -> dict[str, _Flags]:
        """In which draws each concept has each outcome."""
        in_a, in_b = (labels_present(side, len(self.category_of)) for side in (self.a, self.b))
        return {KEPT: in_a & in_b, LOST: in_a & ~in_b, GAINED: in_b & ~in_a}

    @cached_property
    def categories(self) -> tuple[np.ndarray, np.ndarray]:
        """The category of each concept of A and of B; NO_CONCEPT where there is none."""
        category_of = np.append(self.category_of, NO_CONCEPT)
        return category_of[self.a], category_of[self.b]

    def counts(self, category: int | None = None) -> dict[str, Any]:
        """Return the numbers of `count_outcomes` in each draw, of all or of a category."""
        chosen = slice(None) if category is None else self.category_of == category
        concepts = {name: flags[chosen].sum(axis=0) for name, flags in self.concepts.items()}
        a, b = concepts[KEPT] + concepts[LOST], concepts[KEPT] + concepts[GAINED]
        concepts |= {"a": a, "b": b, "kept_share": _share(concepts[KEPT], a)}
        return {
            kind: {**numbers, CHANGE: numbers["b"] - numbers["a"]}
            for kind, numbers in (("units", self.unit_counts(category)), ("concepts", concepts))
        }

    def unit_counts(self, category: int | None = None) -> dict[str, np.ndarray]:
        """Return the numbers of units of `count_outcomes` in each draw."""
        in_a, in_b = (
            of_side != NO_CONCEPT if category is None else of_side == category
            for of_side in self.categories
        )
        units = {"a": in_a.sum(axis=0), "b": in_b.sum(axis=0)}
        if self.is_paired:
            of_a, of_b = self.categories
            home = np.where(of_a != NO_CONCEPT, of_a, of_b)
            within = True if category is None else home == category
            units |= {name: (flags & within).sum(axis=0) for name, flags in self.units.items()}
            both = units[KEPT] + units[RELABELLED]
            units["still_interpretable"] = _share(both, units["a"])
            units["same_concept"] = _share(units[KEPT], both)
        return units


def _pair(
    a: ResampledLayer,
    b: ResampledLayer,
    numbers_a: "pd.Series[Any]",
    numbers_b: "pd.Series[Any]",
    *,
    is_paired: bool = True,
) -> _PairedDraws:
    """Return the concepts of units in pairs, given the number of each, which may be missing."""
    ids = _concept_ids(a.layer.overlap)
    return _PairedDraws(
        a=_rows_of(a, numbers_a, ids),
        b=_rows_of(b, numbers_b, ids),
        category_of=a.layer.overlap.category_of[np.unique(ids, return_index=True)[1]],
        is_paired=is_paired,
    )


def _shares(outcomes: "pd.Series[Any]", flags: Mapping[str, _Flags]) -> np.ndarray:
    """Return the share of draws in which the outcome of each row holds."""
    draws = flags[KEPT].shape[1]
    changes = {name: rows.sum(axis=1) for name, rows in flags.items() if name != KEPT}
    is_change = [(outcomes == name).to_numpy(bool) for name in changes]
    shares: np.ndarray = (
        np.select(is_change, list(changes.values()), draws - sum(changes.values())) / draws
    )
    return shares


def _concept_ids(overlap: Overlap) -> _Ids:
    """Return a number for each label; labels of one name and category are one concept."""
    labels = len(overlap.label_numbers)
    names = overlap.label_names if len(overlap.label_names) == labels else range(labels)
    number: dict[Any, int] = {}
    keys = zip(overlap.category_of.tolist(), names, strict=True)
    return np.array([number.setdefault(key, len(number)) for key in keys], np.int32)


def _rows_of(side: ResampledLayer, numbers: "pd.Series[Any]", ids: _Ids) -> _Concepts:
    """Return the concept in each draw of the units of these numbers, which may be missing."""
    concepts = np.append(ids, np.int32(NO_CONCEPT))[side.concepts]
    none = np.full((1, concepts.shape[1]), NO_CONCEPT, np.int32)
    row_of = pd.Series(np.arange(len(concepts)), index=side.layer.units["unit"])
    rows = numbers.map(row_of).fillna(NO_CONCEPT).to_numpy(np.int64)
    of_units: _Concepts = np.concatenate([concepts, none])[rows]
    return of_units


def _ids_of(
    concepts: pd.DataFrame, a: ResampledLayer, b: ResampledLayer
) -> Int32[np.ndarray, " concept"]:
    """Return the number of each concept in a comparison's table."""
    ids = _concept_ids(a.layer.overlap)
    units = pd.concat([side.layer.units.dropna(subset=["label"]) for side in (a, b)])
    labels = units["label"].to_numpy(np.int64)
    columns = ids[np.searchsorted(a.layer.overlap.label_numbers, labels)].tolist()
    number = dict(zip(zip(units["category"], units["concept"], strict=True), columns, strict=True))
    keys = zip(concepts["category"], concepts["concept"], strict=True)
    return np.array([number[key] for key in keys], np.int32)


def _with_changes(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested counts, with the change from A to B beside these."""
    nested = {
        name: _with_changes(within) if isinstance(within, Mapping) else within
        for name, within in counts.items()
    }
    return {**nested, CHANGE: counts["b"] - counts["a"]} if "a" in counts else nested


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole; nan where the whole is 0."""
    share = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
