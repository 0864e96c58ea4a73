"""How many units would be interpretable by chance, and which of them are beyond it?

Method: docs/method.md, "Chance"; `sequential` has the procedure.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from prunescope.dissection.draws import Draws, Number, Observed
from prunescope.dissection.sequential import (
    ENOUGH,
    FIRST_LOOK,
    RATE,
    discoveries,
    standing,
    undecided,
)

COLUMNS = ("p", "discovery", "undecided", "draws", "label_p", "label_p_adjusted")


def judge(
    units: pd.DataFrame, observed: Observed, draws: Draws, number: Number
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a table of units with `COLUMNS` in it, and what follows for the layer.

    units: as `score_units` makes it. draws: at least those that the number stands for; of more,
    the first ones are used.
    Observed are the units that have an IoU, so no dead ones. Candidates are the interpretable among
    them: as none of the others can be a discovery, theirs count as p = 1.
    """
    made = draws.looked_at(observed) if number == "auto" else number
    full = min(made, FIRST_LOOK, observed.most) if number == "auto" else made
    p, of_unit = _fixed_p(observed, draws, full)
    candidates = observed.interpretable
    open_ones = np.zeros(len(p), np.bool_)
    if number == "auto":
        drawn_p, drawn_of = _p_until_decided(observed, draws, made)
        p, of_unit = (np.where(candidates, *both) for both in ((drawn_p, p), (drawn_of, of_unit)))
    else:
        as_good = draws.as_good[:, :made].sum(axis=1)
        open_ones = undecided(p, as_good, candidates, made)
    found = discoveries(p, candidates)
    label_p = _label_p(observed, draws, of_unit)
    columns = {
        "p": p,
        "discovery": found,
        "undecided": open_ones,
        "draws": of_unit,
        "label_p": label_p,
        "label_p_adjusted": np.minimum(1.0, label_p * observed.labels),
    }
    counts = {
        "draws": made,
        "rate": float(RATE),
        **_expected(draws, full),
        "discoveries": int(found.sum()),
        "concepts": int(units.loc[found, "label"].nunique()),
        "undecided": int(open_ones.sum()),
        "smallest_draws": smallest_draws(int(observed.has_iou.sum()), int(candidates.sum())),
        "advised_draws": _advised_draws(observed, found | open_ones) if open_ones.any() else None,
        "most_draws": observed.most,
    }
    return _with_columns(units, columns), counts


def smallest_draws(tested: int, candidates: int) -> int | None:
    """Return with how many draws at least a candidate can pass; None where there is none.

    The smallest p is 1 / (N + 1), which passes where it is at most RATE * R / m: R candidates,
    m tested units, and all candidates have that p.
    """
    if candidates == 0:
        return None
    return max(1, math.ceil(tested / (RATE * candidates)) - 1)


def _fixed_p(
    observed: Observed, draws: Draws, made: int
) -> tuple[Float64[np.ndarray, " unit"], Int64[np.ndarray, " unit"]]:
    """Return (1 + draws that do as well or better) / (1 + draws), and how many draws these are."""
    p: Float64[np.ndarray, " unit"] = (1 + draws.as_good[:, :made].sum(axis=1)) / (1 + made)
    return np.where(observed.has_iou, p, np.nan), np.full(len(p), made, np.int64)


def _p_until_decided(
    observed: Observed, draws: Draws, made: int
) -> tuple[Float64[np.ndarray, " unit"], Int64[np.ndarray, " unit"]]:
    """Return each p and its number of draws; of units still open the highest that it can be."""
    state = standing(draws.as_good, made)
    final = made >= observed.most
    p = state.lowest(observed.most) if final else state.highest(observed.most)
    return np.where(observed.has_iou, p, np.nan), state.made


def _label_p(
    observed: Observed, draws: Draws, made: Int64[np.ndarray, " unit"]
) -> Float64[np.ndarray, " unit"]:
    """Return the p of the label that each unit is named after, among that label's own draws."""
    within = np.arange(draws.label_as_good.shape[1]) < made[:, None]
    as_good = (draws.label_as_good & within).sum(axis=1)
    return np.where(observed.column >= 0, (1 + as_good) / (1 + made), np.nan)


def _expected(draws: Draws, full: int) -> dict[str, Any]:
    """Return mean and spread, over the draws that counted every unit, of what chance gives."""
    values: dict[str, Any] = {"expected_draws": full}
    for name, counts in (
        ("expected_false", draws.false_units[:full]),
        ("expected_concepts", draws.false_concepts[:full]),
    ):
        values[name] = float(counts.mean())
        values[f"{name}_sd"] = float(counts.std(ddof=1)) if full > 1 else None
    return values


def _advised_draws(observed: Observed, may_pass: Bool[np.ndarray, " unit"]) -> int:
    """Return after how many draws all that may pass would, if fewer than 10 draws were as good."""
    wanted = math.ceil(ENOUGH * int(observed.has_iou.sum()) / (RATE * int(may_pass.sum()))) - 1
    return min(wanted, observed.most)


def _with_columns(units: pd.DataFrame, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the table with more columns, behind `dead`; earlier ones of their names go."""
    table = units.drop(columns=list(columns), errors="ignore")
    names = list(table.columns)
    place = names.index("dead") + 1
    return table.assign(**columns)[[*names[:place], *columns, *names[place:]]]
