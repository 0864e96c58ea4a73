"""How do accuracy, units and concepts change from level to level?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.errors import ConfigError, DataError
from prunescope.results.layout import DENSE, LEVELS, TWIN_UNITS, TWINS, UNITS, LevelKey
from prunescope.results.run_tables import KEY
from prunescope.results.tables import write_csv, write_parquet
from prunescope.results.units import count_units, stacked

_LABEL = ["category", "concept"]


@dataclass(frozen=True, kw_only=True)
class LevelRecord:
    """One finished level: which one it is, its accuracy and its dissected layers.

    keep, keep_overall: fractions of the prunable and of all weights left, in (0, 1].
    accuracy: top-1, a share. units: per layer, its table of units. axes: the fingerprint of the
    directions that stand for units, per layer of which directions were dissected.
    Level 0 is shared by all strategies, so its strategy is "dense", or the name of a twin, and no
    other level's is.
    """

    replicate: int
    strategy: str
    level: int
    keep: float
    keep_overall: float
    accuracy: float
    units: Mapping[str, pd.DataFrame]
    axes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.level == 0) != (self.strategy == DENSE or self.is_twin):
            raise ConfigError(
                f'level {self.level} has the strategy "{self.strategy}", but "{DENSE}" names '
                "level 0, which all strategies share, and nothing else"
            )

    @property
    def is_twin(self) -> bool:
        """Whether it is a dense twin of level 0."""
        key = LevelKey(replicate=self.replicate, strategy=self.strategy, level=self.level)
        return key.is_twin


def levels_table(records: Sequence[LevelRecord]) -> pd.DataFrame:
    """Return one row per level and layer, in the order of the records.

    `still_interpretable` and `same_concept` are shares against level 0 of the same replicate,
    their numerators beside them as `..._count`; the denominator of the second is the first's
    count, that of the first is level 0's `interpretable`. nan where a denominator is 0, or where
    level 0 has other directions in place of units, whose numbers do not say which is which.
    Raises DataError where there is no record, or a replicate without its level 0.
    """
    unpruned = _unpruned(records)
    rows = [
        _row(record, layer, units, unpruned[record.replicate])
        for record in records
        for layer, units in record.units.items()
    ]
    return pd.DataFrame(rows)


def units_table(records: Sequence[LevelRecord]) -> pd.DataFrame:
    """Return every unit of every layer of every level, in the order of the records."""
    tables = {
        (record.replicate, record.strategy, record.level, layer): units
        for record in records
        for layer, units in record.units.items()
    }
    return stacked(KEY, tables)


def write_tables(records: Sequence[LevelRecord], folder: Path) -> list[Path]:
    """Write the tables of levels and of units into a folder and return their paths.

    Dense twins, if there are any, have two tables of their own, of the same columns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    twins = [record for record in records if record.is_twin]
    table = levels_table(records)
    is_twin = table["strategy"].isin({record.strategy for record in twins})
    others = [record for record in records if not record.is_twin]
    paths = _write_pair(folder / LEVELS, table[~is_twin], folder / UNITS, others)
    if twins:
        paths += _write_pair(folder / TWINS, table[is_twin], folder / TWIN_UNITS, twins)
    return paths


def _write_pair(
    levels: Path, table: pd.DataFrame, units: Path, records: Sequence[LevelRecord]
) -> list[Path]:
    write_csv(levels, table, na_rep="nan")
    write_parquet(units, units_table(records))
    return [levels, units]


def measure_consistency(unpruned: pd.DataFrame, pruned: pd.DataFrame) -> dict[str, float]:
    """Return Fig. 4's two shares of one layer, concepts kept, and numerators (docs/method.md).

    U_0 and U_L are the interpretable units before and after, matched by unit number.
    `still_interpretable` is |U_0 ∩ U_L| / |U_0|, `same_concept` the share of U_0 ∩ U_L with the
    same concept in both, `concept_survival` the share of the distinct concepts of U_0 that U_L
    has, too; nan where the denominator is 0. `..._chance` are their means over all
    orders of the later level's unit numbers, the labels staying as they are.
    Both tables hold `unit`, `interpretable`, `concept` and `category`, one row per unit; a unit
    that is in one table alone (a removed filter) is not interpretable in the other.
    """
    before, after = (
        table.loc[table["interpretable"].astype(bool), ["unit", "concept", "category"]]
        for table in (unpruned, pruned)
    )
    both = before.merge(after, on="unit", validate="one_to_one", suffixes=("", "_after"))
    shares, shares_after = (side.groupby(_LABEL).size() / len(side) for side in (before, after))
    kept = shares.index.intersection(shares_after.index)
    same = (both["concept"] == both["concept_after"]) & (both["category"] == both["category_after"])
    count = int(same.sum())
    return {
        "still_interpretable": len(both) / len(before) if len(before) else math.nan,
        "still_interpretable_count": len(both),
        "same_concept": count / len(both) if len(both) else math.nan,
        "same_concept_count": count,
        "concept_survival": len(kept) / len(shares) if len(shares) else math.nan,
        "concept_survival_count": len(kept),
        "still_interpretable_chance": len(after) / len(unpruned) if len(before) else math.nan,
        "same_concept_chance": float(shares.mul(shares_after, fill_value=0.0).sum())
        if len(before) and len(after)
        else math.nan,
    }


def unpaired_consistency() -> dict[str, float]:
    """Return what `measure_consistency` says by number where no number says which is which."""
    names = ("still_interpretable", "same_concept")
    shares = dict.fromkeys((*names, *(f"{name}_chance" for name in names)), math.nan)
    return {**shares, **dict.fromkeys((f"{name}_count" for name in names), 0)}


def _unpruned(records: Sequence[LevelRecord]) -> dict[int, LevelRecord]:
    if not records:
        raise DataError("no level is finished, so there is nothing to tabulate")
    unpruned = {record.replicate: record for record in records if record.strategy == DENSE}
    for record in records:
        if record.replicate not in unpruned:
            raise DataError(
                f"replicate {record.replicate} has level {record.level} but no level 0 "
                "to compare it with"
            )
    return unpruned


def _row(
    record: LevelRecord, layer: str, units: pd.DataFrame, unpruned: LevelRecord
) -> dict[str, Any]:
    counts = count_units(units)
    consistency = measure_consistency(unpruned.units[layer], units)
    if record.axes.get(layer) != unpruned.axes.get(layer):
        consistency |= unpaired_consistency()
    return {
        "replicate": record.replicate,
        "strategy": record.strategy,
        "level": record.level,
        "keep": record.keep,
        "keep_overall": record.keep_overall,
        "accuracy": record.accuracy,
        "layer": layer,
        **{name: counts[name] for name in ("units", "interpretable", "concepts", "dead")},
        **_discovery_columns(units),
        **consistency,
        **_category_columns(counts),
    }


def _discovery_columns(units: pd.DataFrame) -> dict[str, int]:
    """Return what is beyond chance and what is undecided, if the dissection has draws."""
    if "undecided" not in units:
        return {}
    discovered = units[units["discovery"].astype(bool)]
    return {
        "discoveries": len(discovered),
        "discovered_concepts": discovered["label"].nunique(),
        "undecided": int(units["undecided"].sum()),
        "draws": int(units["draws"].max()),
    }


def _category_columns(counts: dict[str, Any]) -> dict[str, int]:
    return {
        f"{category}_{kind}": within[kind]
        for category, within in counts["by_category"].items()
        for kind in ("units", "concepts")
    }
