"""How many units would be interpretable by chance, and which of them are beyond it?

Method: docs/method.md, "Chance"; `sequential` has the procedure.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from prunescope.dissection.chance.draws import Draws, Number, Observed
from prunescope.dissection.chance.sequential import (
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

    units: as `score_units` returns them. draws: at least as many as the number asks for; of more,
    the first are used.
    Units with an IoU, which no dead one has, are tested. Candidates are the interpretable ones: no
    other can be a discovery, so the p of the others counts as 1.
    """
    made = draws.looked_at(observed) if number == "auto" else number
    full = min(made, FIRST_LOOK, observed.max_draws) if number == "auto" else made
    p, of_unit = _fixed_p(observed, draws, full)
    candidates = observed.interpretable
    is_undecided = np.zeros(len(p), np.bool_)
    if number == "auto":
        drawn_p, drawn_of = _p_until_decided(observed, draws, made)
        p, of_unit = (np.where(candidates, *both) for both in ((drawn_p, p), (drawn_of, of_unit)))
    else:
        as_good = draws.as_good[:, :made].sum(axis=1)
        is_undecided = undecided(p, as_good, candidates, made)
    discovered = discoveries(p, candidates)
    may_pass = discovered | is_undecided
    advised = _advised_draws(observed, may_pass) if is_undecided.any() else None
    label_p = _label_p(observed, draws, of_unit)
    columns = {
        "p": p,
        "discovery": discovered,
        "undecided": is_undecided,
        "draws": of_unit,
        "label_p": label_p,
        "label_p_adjusted": np.minimum(1.0, label_p * observed.labels),
    }
    counts = {
        "draws": made,
        "rate": float(RATE),
        **_expected(draws, full),
        "discoveries": int(discovered.sum()),
        "concepts": int(units.loc[discovered, "label"].nunique()),
        "undecided": int(is_undecided.sum()),
        "smallest_draws": smallest_draws(int(observed.has_iou.sum()), int(candidates.sum())),
        "advised_draws": advised,
        "most_draws": observed.max_draws,
    }
    return _with_columns(units, columns), counts


def smallest_draws(tested: int, candidates: int) -> int | None:
    """Return the fewest draws with which a candidate can pass; None where there is none.

    The smallest p is 1 / (N + 1), which passes where it is at most RATE * R / m: R candidates,
    m tested units, and all candidates have that p.
    """
    if candidates == 0:
        return None
    return max(1, math.ceil(tested / (RATE * candidates)) - 1)


def _fixed_p(
    observed: Observed, draws: Draws, made: int
) -> tuple[Float64[np.ndarray, " unit"], Int64[np.ndarray, " unit"]]:
    """Return (1 + draws that do as well or better) / (1 + draws), and the number of draws."""
    p: Float64[np.ndarray, " unit"] = (1 + draws.as_good[:, :made].sum(axis=1)) / (1 + made)
    return np.where(observed.has_iou, p, np.nan), np.full(len(p), made, np.int64)


def _p_until_decided(
    observed: Observed, draws: Draws, made: int
) -> tuple[Float64[np.ndarray, " unit"], Int64[np.ndarray, " unit"]]:
    """Return each p and its number of draws; for open units the highest p still possible."""
    state = standing(draws.as_good, made)
    final = made >= observed.max_draws
    p = state.lowest(observed.max_draws) if final else state.highest(observed.max_draws)
    return np.where(observed.has_iou, p, np.nan), state.made


def _label_p(
    observed: Observed, draws: Draws, made: Int64[np.ndarray, " unit"]
) -> Float64[np.ndarray, " unit"]:
    """Return the p of each unit's label, among the draws of that label alone."""
    within = np.arange(draws.label_as_good.shape[1]) < made[:, None]
    as_good = (draws.label_as_good & within).sum(axis=1)
    return np.where(observed.label_index >= 0, (1 + as_good) / (1 + made), np.nan)


def _expected(draws: Draws, full: int) -> dict[str, Any]:
    """Return means and standard deviations of chance, over the draws that counted every unit."""
    values: dict[str, Any] = {"expected_draws": full}
    for name, counts in (
        ("expected_false", draws.false_units[:full]),
        ("expected_concepts", draws.false_concepts[:full]),
    ):
        values[name] = float(counts.mean())
        values[f"{name}_sd"] = float(counts.std(ddof=1)) if full > 1 else None
    return values


def _advised_draws(observed: Observed, may_pass: Bool[np.ndarray, " unit"]) -> int:
    """Return how many draws suffice for all that may pass, if fewer than 10 are as good."""
    wanted = math.ceil(ENOUGH * int(observed.has_iou.sum()) / (RATE * int(may_pass.sum()))) - 1
    return min(wanted, observed.max_draws)


def _with_columns(units: pd.DataFrame, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the table with these columns after `dead`, in place of any of the same names."""
    table = units.drop(columns=list(columns), errors="ignore")
    names = list(table.columns)
    position = names.index("dead") + 1
    return table.assign(**columns)[[*names[:position], *columns, *names[position:]]]
