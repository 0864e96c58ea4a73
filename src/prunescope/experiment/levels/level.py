"""What is a level of a study?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.seeding import Seeds
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.results.layout import MASK, LevelKey

if TYPE_CHECKING:
    from torch import Tensor, nn

    from prunescope.experiment.runner import StageRunner
    from prunescope.pruning.mask import Mask


class LevelStage(FolderStage):
    """A trained network and its mask. Level 0 is unpruned and shared by all strategies.

    rewind_point: whose weights it may start from, before its mask is applied; None where the study
    has none.
    """

    kind = "level"
    shared = True
    version = 3
    paced_like = "rewind"

    def __init__(
        self,
        study: PlannedStudy,
        key: LevelKey,
        *,
        inputs: tuple[Stage, ...],
        rewind_point: RewindPointStage | None,
        order: int = 0,
    ) -> None:
        super().__init__(
            study,
            path=key.path,
            title=key.title,
            inputs=inputs,
            position=(key.replicate, order, key.level),
        )
        self.key = key
        self.rewind_point = rewind_point
        self.seeds = study.seeds(key.replicate)

    @property
    def level_key(self) -> LevelKey:
        return self.key

    @property
    def training_plan(self) -> TrainingPlan | None:
        """How it is trained after pruning; None where it is not."""
        return full_training(self.study, self.seeds)

    def settings(self) -> Mapping[str, Any]:
        return {}  # the rewind point, from which it is trained on, depends on all that matters

    def cost(self) -> float:
        plan = self.training_plan
        return 0.0 if plan is None else self.study.images_shown(plan)

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.pruning.mask import restore

        assert self.training_plan is not None  # of all but given weights
        network = runner.new_network(self.seeds.init)
        before = self.mask_before(network, runner)
        mask = self.prune(network, before, runner)
        weights = self.weights_before(runner)
        plan = self.plan_for(network, mask, runner)
        history = runner.train(network, self, plan, mask, restore(network, weights, mask))
        runner.save_network(network, folder)
        runner.save_history(history, folder)
        runner.save_kept(self, plan, folder)
        return self.save_mask(mask, before, folder, runner)

    def plan_for(self, network: "nn.Module", mask: "Mask", runner: "StageRunner") -> TrainingPlan:  # noqa: ARG002
        """Return how it is trained under its mask."""
        assert self.training_plan is not None  # of all but given weights
        return self.training_plan

    def finished_plan(self, network: "nn.Module", runner: "StageRunner") -> TrainingPlan | None:
        """Return how the finished level was trained; None where it was not."""
        if self.training_plan is None:
            return None
        return self.plan_for(network, self.mask(network, runner), runner)

    @property
    def is_rewound(self) -> bool:
        """Whether its training starts at the rewind point."""
        return self.training_plan is not None

    def weights_before(self, runner: "StageRunner") -> "dict[str, Tensor]":
        """Return the weights it starts from, before its mask is applied."""
        assert self.rewind_point is not None  # of all but given weights
        return runner.weights_of(self.rewind_point)

    def mask_before(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        """Return the mask that is pruned further."""
        return runner.all_prunable(network)

    def prune(self, network: "nn.Module", before: "Mask", runner: "StageRunner") -> "Mask":  # noqa: ARG002
        """Return which weights survive; the network's weights may be changed for it."""
        return before

    def save_mask(
        self,
        mask: "Mask",  # noqa: ARG002
        before: "Mask",  # noqa: ARG002
        folder: Path,
        runner: "StageRunner",  # noqa: ARG002
    ) -> str:
        """Save the mask, check the level as it was saved, and say what is left of it.

        Where nothing is pruned there is no file of a mask, so that it depends on no convention of
        what is prunable.
        """
        from prunescope.pruning.lineage import check_level

        check_level(folder, self.title, None, None)
        return ""

    def network(self, runner: "StageRunner") -> "nn.Module":
        """Return the finished level's network, on the device."""
        network = runner.new_network(self.seeds.init)
        network.load_state_dict(runner.weights_of(self))
        return network

    def sizes(self, network: "nn.Module", runner: "StageRunner") -> dict[str, Any]:
        """Return what is left of the finished level's weights.

        Of a level of which nothing is pruned it is not said how many weights could be, since that
        depends on what the study calls prunable.
        """
        mask = self.saved_mask(runner)
        if mask is None:
            return {"keep": 1.0, "keep_overall": 1.0}
        return {
            "keep": mask.keep,
            "keep_overall": mask.keep_overall(network),
            "survivors": mask.survivors,
            "prunable": mask.size,
        }

    def mask(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        """Return the mask of the finished level."""
        mask = self.saved_mask(runner)
        return runner.all_prunable(network) if mask is None else mask

    def saved_mask(self, runner: "StageRunner") -> "Mask | None":
        """Return the mask of the finished level; None where nothing is pruned."""
        from prunescope.pruning.mask import Mask

        path = runner.folder(self) / MASK
        return Mask.load(path) if path.is_file() else None


def full_training(study: PlannedStudy, seeds: Seeds) -> TrainingPlan:
    """Return the plan of a training from the rewind point to the end."""
    return TrainingPlan(
        settings=study.recipe.training,
        seeds=seeds,
        start=study.step(study.recipe.pruning.rewinding_step),
        end=study.step(study.recipe.training.to),
    )
