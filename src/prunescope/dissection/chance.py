"""How many units would be interpretable by chance, and which of them are beyond it?

Method: Benjamini & Hochberg, "Controlling the false discovery rate", 1995 (METHOD section 4).
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64

RATE = Fraction(1, 20)
"""Share of the discoveries that may be false, in expectation."""


def judge(
    units: pd.DataFrame, null: Float64[np.ndarray, "draw unit"], *, iou: float
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a table of units with `p` and `discovery` in it, and what follows for the layer.

    units: as `score_units` makes it. null: each unit's highest IoU in every draw. iou: a unit is
    interpretable strictly above it.
    Tested are the units that have an IoU, so no dead ones. Candidates are the interpretable among
    them: as none of the others can be a discovery, theirs count as p = 1.
    expected_false: mean over the draws of the number of units above `iou`. discoveries, concepts:
    units that pass, and their different labels. smallest_draws: see there.
    """
    observed = units["iou"].to_numpy(np.float64)
    p = p_values(observed, null)
    candidates = units["interpretable"].to_numpy(np.bool_)
    found = discoveries(p, candidates)
    tested = int((~np.isnan(p)).sum())
    return _with_columns(units, {"p": p, "discovery": found}), {
        "draws": len(null),
        "rate": float(RATE),
        "expected_false": float((null > iou).sum(axis=1).mean()),
        "discoveries": int(found.sum()),
        "concepts": int(units.loc[found, "label"].nunique()),
        "smallest_draws": smallest_draws(tested, int(candidates.sum())),
    }


def p_values(
    observed: Float64[np.ndarray, " unit"], null: Float64[np.ndarray, "draw unit"]
) -> Float64[np.ndarray, " unit"]:
    """Return (1 + number of draws that do as well or better) / (1 + number of draws).

    nan where nothing was observed.
    """
    p: Float64[np.ndarray, " unit"] = (1 + (null >= observed).sum(axis=0)) / (1 + len(null))
    p[np.isnan(observed)] = np.nan
    return p


def discoveries(
    p: Float64[np.ndarray, " unit"], candidates: Bool[np.ndarray, " unit"], rate: Fraction = RATE
) -> Bool[np.ndarray, " unit"]:
    """Mark the candidates that pass, by Benjamini and Hochberg, over all units whose p is not nan.

    In expectation no larger share of them than the rate is false.
    """
    tested = int((~np.isnan(p)).sum())
    ascending = np.sort(p[candidates])
    bounds = float(rate) * np.arange(1, len(ascending) + 1) / max(1, tested)
    passing = np.flatnonzero(ascending <= bounds * (1 + 1e-12))  # p and bound are quotients
    if len(passing) == 0:
        return np.zeros(len(p), np.bool_)
    found: Bool[np.ndarray, " unit"] = candidates & (p <= ascending[passing[-1]])
    return found


def smallest_draws(tested: int, candidates: int, rate: Fraction = RATE) -> int | None:
    """Return with how many draws at least a candidate can pass; None where there is none.

    The smallest p is 1 / (N + 1), which passes where it is at most rate * R / m: R candidates,
    m tested units, and all candidates have that p.
    """
    if candidates == 0:
        return None
    return max(1, math.ceil(tested / (rate * candidates)) - 1)


def describe_chance(chance: Mapping[str, Any]) -> str:
    """Say in a line what is due to chance, and whether the draws suffice to know."""
    share = f"{100 * chance['rate']:g} %"
    draws = f"{chance['draws']:,} draw" + ("s" if chance["draws"] > 1 else "")
    text = f"by chance: {chance['expected_false']:,.1f} units ({draws})"
    if chance["smallest_draws"] is None:
        return f"{text}; no unit to test"
    if chance["draws"] < chance["smallest_draws"]:
        return (
            f"{text}; too few for a false discovery rate of {share}, which takes at least "
            f"{chance['smallest_draws']:,}"
        )
    return (
        f"{text}; at a false discovery rate of {share}: {chance['discoveries']:,} units, "
        f"of {chance['concepts']:,} concepts"
    )


def _with_columns(units: pd.DataFrame, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the table with more columns, behind `dead`."""
    names = list(units.columns)
    place = names.index("dead") + 1
    return units.assign(**columns)[[*names[:place], *columns, *names[place:]]]
