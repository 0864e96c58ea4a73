"""What does a run folder hold: levels with their networks and dissections, and the tables?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from prunescope.base.door import at_the_door, called_as, checked_path
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.hooks import hook
from prunescope.base.recipes import read_plain
from prunescope.base.text import first_of
from prunescope.results.class_tables import read_classes, read_exemplars
from prunescope.results.dissection import Dissection
from prunescope.results.layout import (
    DENSE,
    DISSECTION,
    HISTORY,
    LEVELS,
    METRICS,
    PREDICTIONS,
    STUDY,
    TABLES,
    level_folders,
)
from prunescope.results.manifest import check_recorded
from prunescope.results.predictions import read_predictions
from prunescope.results.reading import read_csv, read_form
from prunescope.results.run_tables import RunTables
from prunescope.results.schemas import METRICS_FORM
from prunescope.results.store import require_study

if TYPE_CHECKING:
    import prunescope.networks.loading
    import prunescope.pruning.mask


@called_as("ps.load opens the folder of one, and run.level(1) of a Run has one")
@dataclass(frozen=True, kw_only=True)
class Level:
    """One finished level of a run; its files are read on use.

    path: its folder. replicate, level: from 0. strategy: "dense" at level 0, which all share.
    metrics: what metrics.json says: `keep`, `keep_overall` (fractions of the weights left), `top1`
        and `top5` (shares), `loss` (nats), `per_class` and more (docs/formats.md).
    """

    path: Path
    replicate: int
    strategy: str
    level: int
    metrics: dict[str, Any]

    @classmethod
    def load(cls, folder: Path | str) -> "Level":
        """Open a level by its folder. Raises DataError where it is no level, or damaged."""
        path = checked_path("folder", folder)
        metrics = read_form(path / METRICS, METRICS_FORM)
        return cls(
            path=path,
            replicate=metrics["replicate"],
            strategy=metrics["strategy"],
            level=metrics["level"],
            metrics=metrics,
        )

    @property
    def keep(self) -> float:
        """The fraction of the prunable weights that is left, counted, in (0, 1]."""
        return float(self.metrics["keep"])

    @property
    def accuracy(self) -> float:
        """Top-1 on the study's test images, a share."""
        return float(self.metrics["top1"])

    @property
    def predictions(self) -> pd.DataFrame:
        """What the network said of each test image, as `predictions.parquet` (docs/formats.md).

        Raises DataError where it is damaged, or an earlier version evaluated the level.
        """
        path = self.path / PREDICTIONS
        check_recorded(path)
        if not path.exists():
            raise DataError(
                f"{path} is missing: running the study again with the same --out makes it, without "
                "training (an earlier version did not save what a level says of each image)"
            )
        return read_predictions(path)

    @property
    def dissection(self) -> Dissection:
        """The level's dissection. Raises DataError where it is unfinished or damaged."""
        return Dissection.load(self.path / DISSECTION)

    @property
    def mask(self) -> "prunescope.pruning.mask.Mask":
        """Which weights survive: a bool tensor for each prunable one. Raises DataError.

        Level 0 has no mask file: everything that the study calls prunable survives.
        """
        mask: prunescope.pruning.mask.Mask = hook("level_mask")(self)
        return mask

    @property
    def network(self) -> "prunescope.networks.loading.LoadedNetwork":
        """The network with the level's weights, in evaluation mode, on the CPU; made anew.

        Raises DataError for weights that are damaged, ConfigError for a factory that is not here.
        """
        network: prunescope.networks.loading.LoadedNetwork = hook("load_network")(str(self.path))
        return network

    @property
    def history(self) -> pd.DataFrame:
        """The training, a row per epoch: `iteration`, `train_loss` (nats), `train_accuracy`, ..."""
        check_recorded(self.path / HISTORY)
        return read_csv(self.path / HISTORY)


@called_as("ps.load opens the folder of a run")
@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder, finished or not; its files are read on first use.

    path: the folder.
    """

    path: Path

    @classmethod
    def load(cls, folder: Path | str) -> "Run":
        """Open a run folder. Raises DataError where there is none."""
        path = checked_path("folder", folder)
        try:
            require_study(path)
        except ConfigError as error:
            raise DataError(str(error)) from None
        return cls(path=path)

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.recipe.get("name", self.path.name))

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The study.yaml as plain values. Raises DataError if it is damaged."""
        path = self.path / STUDY
        try:
            values = read_plain(path)
        except ConfigError as error:
            raise DataError(str(error)) from None
        if not isinstance(values, dict):
            raise DataError(f"{path} holds no settings")
        return values

    @cached_property
    def tables(self) -> RunTables:
        """The tables of the run. Raises DataError if it is unfinished, or they are damaged."""
        return RunTables.read(self.path)

    @property
    def levels(self) -> pd.DataFrame:
        """A row per level and layer: weights left, accuracy, units, concepts, consistency.

        As `tables/levels.csv` (docs/formats.md). Raises DataError while the run is not finished.
        """
        return self.tables.levels

    @property
    def units(self) -> pd.DataFrame:
        """Every unit of every layer of every level, as `tables/units.parquet`. Raises DataError."""
        return self.tables.units

    @property
    def verdicts(self) -> Mapping[str, Any]:
        """Did pruning change what each layer sees? As `tables/verdict.json`. Raises DataError."""
        return self.tables.verdicts

    @property
    def classes(self) -> pd.DataFrame:
        """How each class's accuracy changed at every level, as `tables/classes.csv`.

        Raises DataError, also where an earlier version made the tables.
        """
        return read_classes(self.path)

    @property
    def exemplars(self) -> pd.DataFrame:
        """The images that most replicates predict otherwise, as `tables/exemplars.csv`.

        Raises DataError, also where an earlier version made the tables.
        """
        return read_exemplars(self.path)

    @property
    def finished(self) -> tuple[Level, ...]:
        """The finished levels, by replicate, strategy and level. Raises DataError."""
        folders = level_folders(self.path)
        levels = [Level.load(folder) for folder in folders if (folder / METRICS).is_file()]
        return tuple(
            sorted(
                levels,
                key=lambda each: (
                    each.replicate, each.strategy != DENSE, each.strategy, each.level
                ),
            )
        )  # fmt: skip

    @at_the_door
    def level(self, level: int, *, replicate: int = 0, strategy: str | None = None) -> Level:
        """Return one finished level.

        level: 0 is the unpruned network. replicate: from 0.
        strategy: needed above level 0 where there are several; at level 0, "twin-1" is its twin.
        Raises ConfigError where there is no such level, and lists the levels.
        """
        levels = [each for each in self.finished if each.replicate == replicate]
        strategies = sorted({each.strategy for each in levels if each.level > 0})
        if level > 0 and strategy is None and len(strategies) > 1:
            raise ConfigError(f"{self.path} has several strategies: say {' or '.join(strategies)}")
        twins = {each.strategy for each in levels if each.level == 0}
        wanted = DENSE if level == 0 and strategy not in twins else strategy
        for each in levels:
            if each.level == level and wanted in (None, each.strategy):
                return each
        hint = nearest(strategy, strategies) if strategy else ""
        named = first_of([f"{each.strategy} {each.level}" for each in levels])
        raise ConfigError(
            f"{self.path} has no finished level {level} of {strategy or 'any strategy'}{hint} in "
            f"replicate {replicate}: it has {named}"
        )

    @property
    def is_tabulated(self) -> bool:
        """Whether the run has tables, that is, whether it was finished."""
        return (self.path / TABLES / LEVELS).is_file()

    def _repr_html_(self) -> str:
        return cast(str, hook("html")(self))
