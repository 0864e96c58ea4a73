"""How does a replicate get to the step that its levels are rewound to?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.experiment.identity import network_identity, rewind_weights_identity
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.results.layout import rewind_path

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner

AFTER = ()


class RewindPointStage(FolderStage):
    """The network at the rewind point, trained from its initialisation."""

    kind = "rewind"
    shared = True
    version = 3
    paced_like = "level"

    def __init__(self, study: PlannedStudy, replicate: int) -> None:
        super().__init__(
            study,
            path=rewind_path(replicate),
            title=f"replicate {replicate}, up to the rewind point",
            position=(replicate,),
        )
        self.seeds = study.seeds(replicate)

    @property
    def training_plan(self) -> TrainingPlan:
        """How it is trained: from new weights, to those that training goes on from."""
        recipe = self.study.recipe
        return TrainingPlan(
            settings=recipe.training.unfinished(),
            seeds=self.seeds,
            start=self.study.step("0it"),
            end=self.study.step(recipe.pruning.rewinding_step),
        )

    def settings(self) -> Mapping[str, Any]:
        recipe = self.study.recipe
        return network_identity(self.study) | {
            "training": recipe.training.for_key(),
            "rewind_to": recipe.pruning.rewind_to,
            "seed": self.seeds.for_key(),
        }

    def cost(self) -> float:
        return self.study.images_shown(self.training_plan)

    def make(self, folder: Path, runner: "StageRunner") -> str:
        network = runner.initialised(self.seeds.init)
        history = runner.train(network, self, self.training_plan)
        runner.save_network(network, folder)
        runner.save_history(history, folder)
        runner.save_kept(self, self.training_plan, folder)
        return ""


class GivenRewindPointStage(RewindPointStage):
    """The network at the rewind point, as the study was given it."""

    def settings(self) -> Mapping[str, Any]:
        start = self.study.recipe.start
        assert start is not None  # else there is no such stage
        return network_identity(self.study) | rewind_weights_identity(start)

    def cost(self) -> float:
        return 0.0

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.experiment.start import load_rewinding
        from prunescope.training.history import History

        network, start = runner.new_network(self.seeds.init), self.study.recipe.start
        assert start is not None  # else there is no such stage
        load_rewinding(network, start, runner.classes)
        runner.save_network(network, folder)
        runner.save_history(History().table(), folder)
        return ""


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield a rewind point for each replicate, unless no level of the study is rewound."""
    recipe = plan.study.recipe
    kind = RewindPointStage if recipe.start is None else GivenRewindPointStage
    if recipe.start is None or recipe.start.rewind_weights is not None:
        for replicate in range(recipe.replicates):
            yield kind(plan.study, replicate)
