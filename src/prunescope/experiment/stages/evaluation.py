"""How good is a level on the test images?"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.files import write_atomically
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.results.layout import METRICS, PREDICTIONS

if TYPE_CHECKING:
    from torch import nn

    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner

AFTER = ("level",)


class EvaluationStage(FolderStage):
    """A level's metrics and predictions: what is left of its weights, and how good it is."""

    kind = "evaluation"
    shared = True
    alike = True
    version = 2
    part = "evaluation"

    def __init__(self, study: PlannedStudy, level: LevelStage) -> None:
        super().__init__(
            study,
            path=level.path,
            title=f"evaluating {level.title}",
            inputs=(level,),
        )
        self.level = level

    def settings(self) -> Mapping[str, Any]:
        recipe = self.study.recipe
        settings: dict[str, Any] = {
            "content": self.study.facts.data.fingerprint,
            "test_split": recipe.data.test_split,
            "precision": recipe.training.precision,
            "channels_last": recipe.training.channels_last,
        }
        if recipe.evaluation_arithmetic != "plain":
            settings["arithmetic"] = recipe.evaluation_arithmetic
        if recipe.data.evaluation is not None:
            settings["evaluation"] = recipe.data.evaluation.for_key()
        return settings

    def cost(self) -> float:
        return float(self.study.facts.data.test_images)

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.results.predictions import write_predictions

        network = self.level.network(runner)
        evaluation = runner.evaluate_level(self.level, network)
        metrics = self._of_weights(network, runner) | evaluation.as_dict()
        write_atomically(folder / METRICS, (json.dumps(metrics, indent=1) + "\n").encode())
        write_predictions(folder / PREDICTIONS, evaluation.predictions)
        return f"accuracy {100 * metrics['top1']:.2f} %"

    def _of_weights(self, network: "nn.Module", runner: "StageRunner") -> dict[str, Any]:
        """Return what is left of the weights, and how they were trained."""
        from prunescope.pruning.acting import count_parameters

        level = self.level
        plan = level.finished_plan(network, runner)
        return {
            "replicate": level.key.replicate,
            "strategy": level.key.strategy,
            "level": level.key.level,
            **level.sizes(network, runner),
            "parameters": count_parameters(network),
            "rewound_to": str(plan.start) if plan is not None and level.is_rewound else None,
            "trained_to": None if plan is None else str(plan.end),
        }


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield the evaluation of each level."""
    for level in plan.of(LevelStage):
        yield EvaluationStage(plan.study, level)
