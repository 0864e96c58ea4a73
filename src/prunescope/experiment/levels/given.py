"""What is level 0 of a study that starts from a user's weights?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.experiment.identity import network_identity, weights_identity
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import PlannedStudy
from prunescope.results.layout import DENSE, MASK, LevelKey

if TYPE_CHECKING:
    from prunescope.experiment.runner import StageRunner


class GivenLevelStage(LevelStage):
    """Level 0 of a study that starts from a user's weights, dense or pruned."""

    def __init__(self, study: PlannedStudy, replicate: int) -> None:
        key = LevelKey(replicate=replicate, strategy=DENSE, level=0)
        super().__init__(study, key, inputs=(), rewind_point=None)

    @property
    def training_plan(self) -> None:
        """None: the weights stay as they are."""

    def settings(self) -> Mapping[str, Any]:
        recipe, start = self.study.recipe, self.study.recipe.start
        assert start is not None  # else there is no such stage
        return {
            **network_identity(self.study),
            **weights_identity(start),
            "prunable": recipe.pruning.prunable_for_key,
        }

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.experiment.start import load_start
        from prunescope.pruning.lineage import check_level
        from prunescope.training.history import History

        recipe, start = self.study.recipe, self.study.recipe.start
        assert start is not None  # else there is no such stage
        network = runner.new_network(self.seeds.init)
        mask = load_start(network, start, recipe.pruning.prunable, runner.classes)
        runner.save_network(network, folder)
        runner.save_history(History().table(), folder)
        if mask.survivors == mask.size:
            return self.save_mask(mask, mask, folder, runner)
        mask.save(folder / MASK)
        check_level(folder, self.title, mask, None)
        return f"{100 * mask.keep:.1f} % of the weights left, as they were given"
