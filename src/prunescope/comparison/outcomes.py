"""What became of every unit and every concept between two dissected layers?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from prunescope.comparison.pairing import Pairs
from prunescope.results.units import with_intervals

KEPT, RELABELLED, LOST, GAINED, NEITHER = "kept", "relabelled", "lost", "gained", "neither"
CERTAIN = 0.95
"""In what share of draws an outcome that is certain holds, at least."""
_ROUNDING = 1e-9  # of a share that was written as text
_OF_A_UNIT = ["unit", "concept", "category", "iou", "interpretable"]
_KEY = ["category", "concept"]


@dataclass(frozen=True, kw_only=True)
class LayerComparison:
    """Two dissected layers, unit by unit and concept by concept (docs/method.md).

    U_A and U_B are the units whose best IoU is strictly above the one asked for; the concepts of a
    layer are the distinct best labels of these. A unit (or a pair of matched units) is

    kept        in U_A and in U_B, with the same concept
    relabelled  in U_A and in U_B, with another concept
    lost        in U_A, but not in U_B
    gained      in U_B, but not in U_A
    neither     in none of them

    and a concept is kept if both layers have it, lost if only A has it, gained if only B. A concept
    is identified by its label's name and primary category.

    layer_a, layer_b: the layers' names. match: how units were paired: "identity", "profile", or
    "concept" for not at all; then a unit's `outcome` is null.
    categories: those the units chose among, in A's order.
    units: a row per pair and per unit without a partner (the columns of the other side are null,
        it is not interpretable there): `unit_a`, `concept_a`, `category_a`, `iou_a`,
        `interpretable_a`, the same for B, `distance` between IoU profiles, `outcome`, and how sure
        that is: the `share` of draws of the images in which it holds, and whether it is `certain`,
        which is in at least 95 % of them; null where images were not resampled. Where they were,
        also in which shares of the draws the unit of each side is interpretable
        (`interpretable_share_a`), and with the same concept (`concept_share_a`).
    concepts: a row per concept of either layer: `category`, `concept`, `outcome`, for A and B the
        number of its units and the best of them (`units_a`, `best_unit_a`, `best_iou_a`), and
        `share` and `certain` as for units.
    totals: units of the whole layers, (A, B). dead: those that never fire.
    intervals: of the counts and shares of `count_outcomes`, nested like these; None where images
        were not resampled.
    """

    layer_a: str
    layer_b: str
    match: str
    categories: tuple[str, ...]
    units: pd.DataFrame
    concepts: pd.DataFrame
    totals: tuple[int, int]
    dead: tuple[int, int]
    intervals: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The layer's name; both where they differ."""
        return self.layer_a if self.layer_a == self.layer_b else f"{self.layer_a} -> {self.layer_b}"


def compare_units(
    a: pd.DataFrame,
    b: pd.DataFrame,
    *,
    layers: tuple[str, str],
    categories: Sequence[str],
    pairs: Pairs,
    match: str,
    iou: float | None,
) -> LayerComparison:
    """Compare two tables of units under a pairing of their rows.

    a, b: a row per unit. layers, categories, match: for the result. iou: a unit is interpretable
    strictly above it; None keeps what the tables say.
    """
    side_a, side_b = _of_side(a, iou), _of_side(b, iou)
    return LayerComparison(
        layer_a=layers[0],
        layer_b=layers[1],
        match=match,
        categories=tuple(categories),
        units=_pair_up(side_a, side_b, pairs, compared=match != "concept"),
        concepts=_compare_concepts(side_a, side_b, categories),
        totals=(len(a), len(b)),
        dead=(int(a["dead"].sum()), int(b["dead"].sum())),
    )


def count_outcomes(compared: LayerComparison) -> dict[str, Any]:
    """Return a comparison's counts and shares as plain values, None where undefined.

    `units.a` and `units.b` are |U_A| and |U_B|, `still_interpretable` is |U_A ∩ U_B| / |U_A|,
    `same_concept` the kept among U_A ∩ U_B, `concepts.kept_share` the kept among A's concepts.
    `by_category`: a unit belongs to the category of its concept in A, a gained one to that in B;
    so a category's `b` may exceed its kept and gained: those were relabelled into it.
    Where images were resampled, `undecided` says how many of each outcome are not certain, and
    `interval` has the 95 % interval of each number, and that of the `change` from A to B.
    """
    units, concepts = compared.units, compared.concepts
    home = units["category_a"].where(units["interpretable_a"], units["category_b"])
    paired, resampled = compared.match != "concept", compared.intervals is not None
    counts = {
        "layer_a": compared.layer_a,
        "layer_b": compared.layer_b,
        "match": compared.match,
        "units": {
            "total_a": compared.totals[0],
            "total_b": compared.totals[1],
            "dead_a": compared.dead[0],
            "dead_b": compared.dead[1],
            **_count_units(units, paired=paired, resampled=resampled),
        },
        "concepts": _count_concepts(concepts, resampled=resampled),
        "by_category": {
            category: {
                "units": _count_units(
                    units, home == category, category, paired=paired, resampled=resampled
                ),
                "concepts": _count_concepts(
                    concepts[concepts["category"] == category], resampled=resampled
                ),
            }
            for category in compared.categories
        },
    }
    return with_intervals(counts, compared.intervals or {})


def _of_side(table: pd.DataFrame, iou: float | None) -> pd.DataFrame:
    side = table[_OF_A_UNIT].reset_index(drop=True)
    kinds = {"unit": "Int64", "concept": "string", "category": "string", "iou": "float64"}
    side = side.astype(kinds)
    above = side["interpretable"].astype(bool) if iou is None else side["iou"] > iou
    return side.assign(interpretable=above & side["concept"].notna())


def _pair_up(a: pd.DataFrame, b: pd.DataFrame, pairs: Pairs, *, compared: bool) -> pd.DataFrame:
    """Return the table of units: pairs and what is left of A by A's number, then the rest of B."""
    partner = np.arange(len(b)) + len(a)  # a row of its own after those of A
    partner[pairs.b] = pairs.a
    joined = a.add_suffix("_a").join(
        b.add_suffix("_b").set_axis(partner, axis="index"), how="outer"
    )
    joined = joined.sort_values(["unit_a", "unit_b"], na_position="last")
    distance = pd.Series(pairs.distance, index=pairs.a, dtype="float64")
    for letter in ("a", "b"):
        name = f"interpretable_{letter}"
        joined[name] = joined[name].astype("boolean").fillna(False).astype(bool)
    joined["distance"] = distance.reindex(joined.index)
    joined["outcome"] = _outcomes(joined) if compared else pd.array([pd.NA] * len(joined), "string")
    return with_certainty(joined.reset_index(drop=True))


def with_certainty(table: pd.DataFrame, share: Any = math.nan) -> pd.DataFrame:
    """Return a table of units or concepts with the share of draws in which each outcome holds.

    share: nan where that is not known.
    """
    shares = pd.Series(share, index=table.index, dtype="float64")
    return table.assign(
        share=shares,
        certain=(shares >= CERTAIN - _ROUNDING).astype("boolean").mask(shares.isna()),
    )


def _outcomes(joined: pd.DataFrame) -> Any:
    a, b = joined["interpretable_a"], joined["interpretable_b"]
    same = (joined["concept_a"] == joined["concept_b"]) & (
        joined["category_a"] == joined["category_b"]
    )
    cases = [a & b & same.fillna(False), a & b, a, b]
    names = [KEPT, RELABELLED, LOST, GAINED]
    outcomes = np.select([case.to_numpy(bool) for case in cases], names, NEITHER)
    return pd.array(outcomes, dtype="string")


def _compare_concepts(a: pd.DataFrame, b: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    concepts_a, concepts_b = _concepts_of(a).add_suffix("_a"), _concepts_of(b).add_suffix("_b")
    joined = concepts_a.join(concepts_b, how="outer")
    for letter in ("a", "b"):
        joined[f"units_{letter}"] = joined[f"units_{letter}"].fillna(0).astype("int64")
    in_a, in_b = joined["units_a"] > 0, joined["units_b"] > 0
    joined.insert(0, "outcome", np.select([in_a & in_b, in_a], [KEPT, LOST], GAINED))
    joined = joined.astype({"outcome": "string"}).reset_index()
    rank = joined["category"].map({name: index for index, name in enumerate(categories)})
    order = joined.assign(rank=rank).sort_values(["rank", "concept"]).index
    return with_certainty(joined.loc[order].reset_index(drop=True))


def _concepts_of(side: pd.DataFrame) -> pd.DataFrame:
    """Return a layer's concepts by category and name, with their units; of equal IoUs the first."""
    interpretable = side[side["interpretable"]].sort_values("iou", ascending=False, kind="stable")
    groups = interpretable.groupby(_KEY)
    return pd.DataFrame(
        {
            "units": groups.size(),
            "best_unit": groups["unit"].first(),
            "best_iou": groups["iou"].first(),
        }
    )


def _count_units(
    units: pd.DataFrame,
    at_home: "pd.Series[bool] | None" = None,
    category: str = "",
    *,
    paired: bool,
    resampled: bool,
) -> dict[str, Any]:
    """Count all units, or those at home in a category."""
    inside = [
        units[f"interpretable_{letter}"]
        & (at_home is None or units[f"category_{letter}"] == category)
        for letter in ("a", "b")
    ]
    a, b = (int(mask.sum()) for mask in inside)
    if not paired:
        return {"a": a, "b": b}
    counted = units if at_home is None else units[at_home]
    counts, undecided = _count(counted, (KEPT, RELABELLED, LOST, GAINED), resampled=resampled)
    both = counts[KEPT] + counts[RELABELLED]
    return {
        "a": a,
        "b": b,
        **counts,
        "still_interpretable": _share(both, a),
        "same_concept": _share(counts[KEPT], both),
        **undecided,
    }


def _count_concepts(concepts: pd.DataFrame, *, resampled: bool) -> dict[str, Any]:
    counts, undecided = _count(concepts, (KEPT, LOST, GAINED), resampled=resampled)
    a, b = counts[KEPT] + counts[LOST], counts[KEPT] + counts[GAINED]
    return {"a": a, "b": b, **counts, "kept_share": _share(counts[KEPT], a), **undecided}


def _count(
    table: pd.DataFrame, outcomes: Sequence[str], *, resampled: bool
) -> tuple[dict[str, int], dict[str, Any]]:
    """Return how many rows have each outcome and, where it is known, how many are `undecided`."""
    has = {name: table["outcome"] == name for name in outcomes}
    counts = {name: int(rows.sum()) for name, rows in has.items()}
    if not resampled:
        return counts, {}
    unsure = ~table["certain"].fillna(True).astype(bool)
    return counts, {"undecided": {name: int((rows & unsure).sum()) for name, rows in has.items()}}


def _share(part: int, whole: int) -> float | None:
    """Return part / whole; None where the whole is 0."""
    return part / whole if whole else None
