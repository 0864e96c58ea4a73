"""What do the tables of a finished run hold, level by level and layer by layer?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, cast

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.base.paths import is_there
from prunescope.results.columns import check_columns
from prunescope.results.evaluation import plain_number
from prunescope.results.kinds import layers_of_study
from prunescope.results.labelled_by import LABELLED_BY
from prunescope.results.layout import (
    CONCEPT_OUTCOMES,
    DENSE,
    DISSECTION,
    INTERVALS,
    LEVELS,
    METRICS,
    STRATEGIES,
    STUDY,
    SUMMARY,
    TABLES,
    TWINS,
    UNIT_SHARES,
    UNITS,
    VERDICT,
    LevelKey,
    layer_path,
    level_folders,
)
from prunescope.results.left_out import LEFT_OUT
from prunescope.results.manifest import check_recorded, flaws_of
from prunescope.results.reading import read_csv, read_form, read_if_there, read_table
from prunescope.results.schemas import (
    CONCEPT_OUTCOME_COLUMNS,
    DISSECTION_FORM,
    INTERVAL_COLUMNS,
    LEVEL_COLUMNS,
    LEVEL_UNIT_COLUMNS,
    SHARE_COLUMNS,
    STRATEGY_COLUMNS,
    VERDICT_FORM,
)
from prunescope.results.units import count_units

KEY = ["replicate", "strategy", "level", "layer"]
LayerKey: TypeAlias = tuple[Any, ...]
"""The values of `KEY`: one layer of one level."""
FACTS = ["keep", "keep_overall", "accuracy"]
"""Of a level, whichever layer it is."""
_CHANCE = ["discoveries", "discovered_concepts", "undecided", "draws"]


@dataclass(frozen=True, kw_only=True)
class RunTables:
    """The tables of a finished run.

    levels: a row per level and layer. units: every unit of each of them, one row each.
    units_of: the same by the layer's key. verdicts: `tables/verdict.json` (docs/formats.md), empty
    where an earlier version made the tables. twins: as `levels`, of dense twins; None without any.
    """

    path: Path
    levels: pd.DataFrame
    units: pd.DataFrame
    units_of: Mapping[LayerKey, pd.DataFrame]
    verdicts: Mapping[str, Any]
    twins: pd.DataFrame | None

    @classmethod
    def read(cls, path: Path) -> "RunTables":
        """Read a run folder's tables. Raises DataError where they are missing or damaged."""
        _check_whole(path, flaws_of(path / TABLES))
        levels = read_levels(path / TABLES / LEVELS)
        units = read_table(path / TABLES / UNITS, LEVEL_UNIT_COLUMNS)
        units_of = {cast(LayerKey, key): rows for key, rows in units.groupby(KEY, sort=False)}
        verdict = path / TABLES / VERDICT
        verdicts = read_form(verdict, VERDICT_FORM) if verdict.is_file() else {}
        twins = path / TABLES / TWINS
        tables = cls(
            path=path,
            levels=levels,
            units=units,
            units_of=units_of,
            verdicts=verdicts,
            twins=read_levels(twins) if twins.is_file() else None,
        )
        lost = [key for key in tables.keys if key not in units_of]
        if lost:
            raise DataError(f"{path / TABLES / UNITS} has no units of {lost[0]}: {_again(path)}")
        layers = [name for name in layers_of_study(path) if name not in tables.layers]
        _check_whole(path, [f"{LEVELS} lacks {name}" for name in layers])
        return tables

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """A row per level and layer with both ends of each number's interval (docs/formats.md).

        Empty where images were not resampled. Raises DataError where the table is damaged.
        """
        path = self.path / TABLES / INTERVALS
        check_recorded(path)
        if not is_there(path):
            return pd.DataFrame(columns=KEY)
        intervals = read_csv(path, dtype={"strategy": str, "layer": str})
        check_columns(intervals, INTERVAL_COLUMNS, path)
        return intervals

    @cached_property
    def strategies(self) -> pd.DataFrame:
        """A row per layer, count and pair of strategies, see `read_strategies`."""
        return read_strategies(self.path)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """A row per unit of each level and layer, see `read_shares`."""
        return read_shares(self.path)

    @cached_property
    def concept_outcomes(self) -> pd.DataFrame:
        """A row per concept of each level and layer, see `read_concept_outcomes`."""
        return read_concept_outcomes(self.path)

    @property
    def layers(self) -> list[str]:
        """The layers, in the order of the study."""
        return list(dict.fromkeys(self.levels["layer"]))

    @cached_property
    def keys(self) -> list[LayerKey]:
        """Every replicate, strategy, level and layer, in the order of the table."""
        return list(self.levels[KEY].itertuples(index=False, name=None))

    @cached_property
    def bases(self) -> dict[LayerKey, Mapping[str, Any] | None]:
        """Along which directions each layer of a level was dissected; None where its units were.

        None, too, where the dissection is gone.
        """
        return {key: _basis_of(self.path, key) for key in self.keys}

    def is_paired(self, key: LayerKey) -> bool:
        """Return whether numbers of units say which of level 0 they are, as in one basis."""
        first, second = (
            (self.bases.get(each) or {}).get("fingerprint")
            for each in (key, (key[0], DENSE, 0, key[3]))
        )
        return bool(first == second)

    def number(self, key: LayerKey, column: str) -> float:
        """Return the value of a column for one layer of a level."""
        return float(self.levels[column].iloc[self.keys.index(key)])

    def summary(self, iou: float | None = None) -> list[dict[str, Any]]:
        """Return, for each level and layer, its key, weights left, accuracy and counts.

        Where directions were dissected, `basis` says which ones.
        iou: a unit is interpretable strictly above this; None keeps what the tables say, and adds
        what is beyond chance, which is unknown at any other IoU. The rows state the IoU; None if
        the run's dissections, which state it, are gone.
        """
        above = saved_iou(self.path) if iou is None else iou
        chance = [name for name in _CHANCE if iou is None and name in self.levels]
        return [
            dict(zip(KEY, key, strict=True))
            | {name: plain_number(float(row[name])) for name in FACTS}
            | {"iou": above}
            | count_units(self.units_of[key], iou=iou)
            | {name: int(row[name]) for name in chance}
            | ({} if self.bases[key] is None else {"basis": self.bases[key]})
            for key, row in zip(self.keys, self.levels.to_dict("records"), strict=True)
        ]

    def missing_evidence(self) -> list[str]:
        """Return a warning if levels or dissections that the tables list are gone."""
        lost = dict.fromkeys(
            str(folder.relative_to(self.path))
            for key in self.keys
            if (folder := _lost_folder(self.path, key)) is not None
        )
        if not lost:
            return []
        first, *others = lost
        more = f" and {len(others):,} more" if others else ""
        return [
            f"{first}{more}, of which the tables of {self.path} tell, is not there any more or not "
            f"whole: the numbers are those that were found then; {_again(self.path)}"
        ]


def read_shares(run: Path) -> pd.DataFrame:
    """Return a row per unit of each level and layer: in which shares of the draws it is sure.

    Empty where images were not resampled, or an earlier version made the tables. Raises DataError
    where the table is damaged.
    """
    found = read_if_there(run / TABLES / UNIT_SHARES, SHARE_COLUMNS)
    return found if len(found.columns) else pd.DataFrame(columns=[*SHARE_COLUMNS])


def read_strategies(run: Path) -> pd.DataFrame:
    """Return a row per layer, count and pair of strategies: how much more one keeps.

    Empty where there are no two, or an earlier version made the tables. Raises DataError where the
    table is damaged.
    """
    path = run / TABLES / STRATEGIES
    check_recorded(path)
    if not is_there(path):
        return pd.DataFrame(columns=[*STRATEGY_COLUMNS])
    texts = ("layer", "count", "strategy", "against", "levels")
    numbers = (name for name in STRATEGY_COLUMNS if name not in texts)
    strategies = read_csv(
        path,
        dtype=dict.fromkeys(texts, "string"),
        keep_default_na=False,
        na_values={name: ["nan"] for name in numbers},
    )
    check_columns(strategies, STRATEGY_COLUMNS, path)
    return strategies


def read_concept_outcomes(run: Path) -> pd.DataFrame:
    """Return what became of each concept of each level and layer since level 0, and how surely.

    Empty where images were not resampled, or an earlier version made the tables. Raises DataError
    where the table is damaged.
    """
    found = read_if_there(run / TABLES / CONCEPT_OUTCOMES, CONCEPT_OUTCOME_COLUMNS)
    return found if len(found.columns) else pd.DataFrame(columns=[*CONCEPT_OUTCOME_COLUMNS])


def read_levels(path: Path) -> pd.DataFrame:
    """Read `levels.csv` as it was written."""
    if not path.exists():
        raise DataError(f"{path} is missing: no level of this run has been tabulated yet")
    check_recorded(path)
    levels = read_csv(path, dtype={"strategy": str, "layer": str})
    check_columns(levels, LEVEL_COLUMNS, path)
    if not len(levels):
        raise DataError(f"{path} is damaged: it has no rows")
    return levels


def level_categories(levels: pd.DataFrame) -> tuple[str, ...]:
    """Return the categories that a table of levels counts, in its order."""
    columns = [str(name) for name in levels.columns]
    names = (name.removesuffix("_units") for name in columns if name.endswith("_units"))
    return tuple(name for name in names if f"{name}_concepts" in columns)


def left_out_of_run(run: Path) -> list[dict[str, str]]:
    """Return the broken images that a run's dissections left out, each with the reason."""
    return _of_first_dissection(run, LEFT_OUT)


def labelled_by_of_run(run: Path) -> list[dict[str, Any]]:
    """Return what is recorded of the networks that made the labels of a run's concept set."""
    return _of_first_dissection(run, LABELLED_BY)


def _of_first_dissection(run: Path, key: str) -> list[dict[str, Any]]:
    for level in level_folders(run):
        for summary in sorted((level / DISSECTION).glob(f"*/{SUMMARY}")):
            found: list[dict[str, Any]] = read_form(summary, DISSECTION_FORM).get(key) or []
            return found
    return []


def saved_iou(run: Path) -> float | None:
    """Return the IoU above which a run's units are interpretable, from its dissections."""
    for level in level_folders(run):
        for summary in sorted((level / DISSECTION).glob(f"*/{SUMMARY}")):
            settings = read_form(summary, DISSECTION_FORM).get("settings") or {}
            if settings.get("iou") is not None:
                return float(settings["iou"])
    return None


def _lost_folder(run: Path, key: LayerKey) -> Path | None:
    """Return the folder of a level, or of a layer's dissection in it, that is gone or not whole."""
    replicate, strategy, level, layer = key
    folder = run / LevelKey(replicate=int(replicate), strategy=str(strategy), level=int(level)).path
    if not (folder / METRICS).is_file():
        return folder
    dissection = Path(layer_path(folder, str(layer)))
    return None if (dissection / UNITS).is_file() else dissection


def _basis_of(run: Path, key: LayerKey) -> Mapping[str, Any] | None:
    replicate, strategy, level, layer = key
    folder = run / LevelKey(replicate=int(replicate), strategy=str(strategy), level=int(level)).path
    summary = Path(layer_path(folder, str(layer))) / SUMMARY
    if not summary.is_file():
        return None
    basis: Mapping[str, Any] | None = read_form(summary, DISSECTION_FORM).get("basis")
    return basis


def _check_whole(run: Path, flaws: Sequence[str]) -> None:
    if flaws:
        raise DataError(f"{run / TABLES} is damaged ({flaws[0]}): {_again(run)}")


def _again(run: Path) -> str:
    return f"`prunescope run {run / STUDY} --out {run}` makes it again"
