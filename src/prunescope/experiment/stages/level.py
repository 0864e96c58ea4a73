"""Which levels does a study have?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prunescope.experiment.levels.filtered import FilteredLevelStage
from prunescope.experiment.levels.given import GivenLevelStage
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.levels.pruned import PrunedLevelStage
from prunescope.experiment.levels.twin import TwinStage
from prunescope.experiment.stage import Stage
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.results.layout import DENSE, LevelKey, twin_name

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan

AFTER = ("rewind-point",)


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield level 0 of every replicate, its twins, and the levels of each of its strategies."""
    levels, recipe = _Levels(plan), plan.study.recipe
    for replicate in range(recipe.replicates):
        yield levels.dense(replicate)
        for number in range(1, recipe.pruning.twins + 1):
            yield levels.twin(replicate, number)
        for name, strategy in recipe.pruning.strategies.items():
            for number in range(1, strategy.levels + 1):
                yield levels.stage(LevelKey(replicate=replicate, strategy=name, level=number))


class _Levels:
    """The levels of a study, each planned when it is first needed, once."""

    def __init__(self, plan: "Plan") -> None:
        self._study = plan.study
        self._points = {point.path: point for point in plan.of(RewindPointStage)}
        self._stages: dict[LevelKey, LevelStage] = {}
        self._orders = {
            name: order for order, name in enumerate(plan.study.recipe.pruning.strategies, start=1)
        }

    def dense(self, replicate: int) -> LevelStage:
        """Return level 0 of a replicate, trained or given."""
        return self.stage(LevelKey(replicate=replicate, strategy=DENSE, level=0))

    def twin(self, replicate: int, number: int) -> LevelStage:
        """Return a dense twin of a replicate, which has a rewind point."""
        key = LevelKey(replicate=replicate, strategy=twin_name(number), level=0)
        return TwinStage(self._study, replicate, number, self._points[key.rewind_path])

    def stage(self, key: LevelKey) -> LevelStage:
        """Return the stage of a level, after those that it needs."""
        if key not in self._stages and key.level == 0:
            self._stages[key] = self._level_0(key)
        if key not in self._stages:
            pruning = self._study.recipe.pruning
            is_filtered = pruning.structure_of(key.strategy) == "filters"
            kind = FilteredLevelStage if is_filtered else PrunedLevelStage
            self._stages[key] = kind(
                self._study,
                key,
                previous=self.stage(key.before),
                rewind_point=self._points.get(key.rewind_path),
                source=self._source(key),
                order=self._orders[key.strategy],
            )
        return self._stages[key]

    def _level_0(self, key: LevelKey) -> LevelStage:
        if self._study.recipe.start is not None:
            return GivenLevelStage(self._study, key.replicate)
        point = self._points[key.rewind_path]  # which a study that trains level 0 has
        return LevelStage(self._study, key, inputs=(point,), rewind_point=point)

    def _source(self, key: LevelKey) -> LevelStage | None:
        of = self._study.recipe.pruning.strategies[key.strategy].of
        if of is None:
            return None
        replicate = key.replicate if of.replicate is None else of.replicate
        return self.stage(LevelKey(replicate=replicate, strategy=of.strategy, level=key.level))
