"""Which classes and which images paid for pruning?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Int64

from prunescope.results.layout import CLASSES, DENSE, EXEMPLARS, LevelKey
from prunescope.results.predictions import check_same_images
from prunescope.results.tables import write_csv
from prunescope.statistics.class_changes import class_changes, is_right

Predictions = Mapping[LevelKey, pd.DataFrame]
"""The predictions of levels; level 0 of each of their replicates is among them."""

_CLASS_COLUMNS = (
    *("strategy", "level", "class", "images", "replicates"),
    *("before", "after", "difference", "low", "high"),
)
_EXEMPLAR_COLUMNS = (
    *("strategy", "level", "row", "class", "before", "after"),
    *("replicates", "changed", "lost", "gained", "twins", "twins_changed"),
)


def write_who_paid(folder: Path, levels: Predictions) -> None:
    """Write `classes.csv` and `exemplars.csv` into a folder of tables.

    Raises DataError where levels were evaluated on different images.
    """
    check_same_images({key.title: table for key, table in levels.items()})
    write_csv(folder / CLASSES, classes_table(levels), na_rep="nan")
    write_csv(folder / EXEMPLARS, exemplars_table(levels))


def classes_table(levels: Predictions) -> pd.DataFrame:
    """Return how the accuracy of each class changed between level 0 and every other level.

    A row for each strategy, level and class, over the replicates that have the level, with the
    columns of `class_changes`. A dense twin counts as a strategy of its own, which shows how much a
    class changes without pruning.
    """
    tables = [
        class_changes(
            [levels[key.dense] for key in replicates], [levels[key] for key in replicates]
        ).assign(strategy=strategy, level=level, replicates=len(replicates))
        for (strategy, level), replicates in _by_level(levels).items()
    ]
    columns = list(_CLASS_COLUMNS)
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def exemplars_table(levels: Predictions) -> pd.DataFrame:
    """Return the images whose prediction differs from level 0's in more than half the replicates.

    These are pruning-identified exemplars (Hooker et al. 2019), told in pairs: a level is compared
    with level 0 of its own replicate. A row for each strategy, level and such image, those that
    changed in most replicates first. Twins have rows, too, as in `classes_table`.
    `before` and `after` are the most frequent predictions of level 0 and of the level, of equally
    frequent ones that of the first replicate. `changed`, `lost` and `gained` count the replicates
    in which the prediction is another, right no more, and right now. `twins_changed` counts the
    `twins`, of all replicates, that do not predict what their level 0 does; None without twins.
    """
    twins = [key for key in levels if key.is_twin]
    by_twins = sum((_codes(levels, [key]) != _codes(levels, [key.dense]))[0] for key in twins)
    tables = [
        _exemplars(levels, replicates).assign(strategy=strategy, level=level)
        for (strategy, level), replicates in _by_level(levels).items()
    ]
    columns = list(_EXEMPLAR_COLUMNS)
    if not tables:
        return pd.DataFrame(columns=columns)
    table = pd.concat(tables)  # whose index is the image
    of_twins = pd.array(
        np.asarray(by_twins)[table.index] if twins else [pd.NA] * len(table), "Int64"
    )
    return table.assign(twins=len(twins), twins_changed=of_twins)[columns].reset_index(drop=True)


def count_who_paid(classes: pd.DataFrame, exemplars: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each strategy and level how many classes changed, and how many images, for JSON.

    classes, exemplars: the tables of a run. `worse` and `better` count the classes whose interval
    lies on one side of 0, of `classes` that have images; by chance about 2.5 % would on each side.
    `lost_most` and `gained_most` are the classes that changed most, of those so counted if there
    are any, of equals the first; None where none changed.
    """
    of_level = exemplars.groupby(["strategy", "level"]).size()
    found = []
    for key, rows in classes.groupby(["strategy", "level"], sort=False):
        strategy, level = cast("tuple[str, int]", key)
        shown = rows[rows["images"] > 0]
        lost, gained = shown["high"] < 0, shown["low"] > 0
        fallen = _most(shown[shown["difference"] < 0], lost, ascending=True)
        risen = _most(shown[shown["difference"] > 0], gained, ascending=False)
        found.append(
            {
                "strategy": strategy,
                "level": int(level),
                "replicates": int(rows["replicates"].iloc[0]),
                "classes": len(shown),
                "worse": int(lost.sum()),
                "better": int(gained.sum()),
                "lost_most": _change(fallen),
                "gained_most": _change(risen),
                "exemplars": int(of_level.get((strategy, level), 0)),
            }
        )
    return found


def _most(changed: pd.DataFrame, is_sure: "pd.Series[bool]", *, ascending: bool) -> pd.DataFrame:
    """Return the row that changed most, of the sure ones if there are any."""
    sure = changed[is_sure[changed.index]]
    rows = sure if len(sure) else changed
    return rows.sort_values("difference", ascending=ascending, kind="stable").head(1)


def _change(rows: pd.DataFrame) -> dict[str, Any] | None:
    """Return the change of a class as plain values; None for no row."""
    for row in rows.to_dict("records"):
        numbers = {name: float(row[name]) for name in ("difference", "low", "high")}
        return {"class": str(row["class"]), **numbers}
    return None


def _exemplars(levels: Predictions, replicates: Sequence[LevelKey]) -> pd.DataFrame:
    """Return the exemplars of one level; the index is the position of the image."""
    dense = [key.dense for key in replicates]
    images = levels[replicates[0]][["row", "class"]]
    codes = [_codes(levels, keys) for keys in (dense, replicates)]
    right = [np.stack([is_right(levels[key]) for key in keys]) for keys in (dense, replicates)]
    names = images["class"].cat.categories
    table = images.assign(
        before=pd.Categorical.from_codes(_most_frequent(codes[0]).tolist(), names),
        after=pd.Categorical.from_codes(_most_frequent(codes[1]).tolist(), names),
        replicates=len(replicates),
        changed=(codes[0] != codes[1]).sum(axis=0),
        lost=(right[0] & ~right[1]).sum(axis=0),
        gained=(~right[0] & right[1]).sum(axis=0),
    )
    chosen = table[2 * table["changed"] > len(replicates)]
    return chosen.sort_values("changed", ascending=False, kind="stable")


def _by_level(levels: Predictions) -> dict[tuple[str, int], list[LevelKey]]:
    """Return the replicates of each level but level 0 itself, by strategy and level."""
    groups: dict[tuple[str, int], list[LevelKey]] = {}
    for key in levels:
        if key.strategy != DENSE:
            groups.setdefault((key.strategy, key.level), []).append(key)
    return groups


def _codes(levels: Predictions, keys: Sequence[LevelKey]) -> Int64[np.ndarray, "replicate image"]:
    """Return the numbers of the predicted classes; -1 for none."""
    return np.stack([levels[key]["prediction"].cat.codes.to_numpy(np.int64) for key in keys])


def _most_frequent(
    codes: Int64[np.ndarray, "replicate image"],
) -> Int64[np.ndarray, " image"]:
    votes = (codes[:, None] == codes[None]).sum(axis=1)
    winners: np.ndarray = np.take_along_axis(codes, votes.argmax(axis=0)[None], axis=0)[0]
    return winners
