"""How much do two equally good networks differ: the dense twins of level 0?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import PlannedStudy
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.results.layout import LevelKey, twin_name


class TwinStage(LevelStage):
    """A dense twin: level 0 trained again from the rewind point, in another order of images."""

    def __init__(
        self, study: PlannedStudy, replicate: int, number: int, rewind_point: RewindPointStage
    ) -> None:
        key = LevelKey(replicate=replicate, strategy=twin_name(number), level=0)
        super().__init__(study, key, inputs=(rewind_point,), rewind_point=rewind_point)
        others = self.seeds.derive("twin", number)
        self.seeds = replace(others, init=self.seeds.init)

    def settings(self) -> Mapping[str, Any]:
        training = self.study.recipe.training
        steps = {"rewind_to": self.study.recipe.pruning.rewind_to, "training": training.for_key()}
        return {"seed": self.seeds.for_key(), **steps}
