"""How is a level pruned and trained, and where does level 0 come from?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.files import hash_file
from prunescope.base.seeding import derive_seed
from prunescope.experiment.identity import network_identity, weights_identity
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.pruning.choices import RECOVERIES
from prunescope.pruning.recovery import Recovery, origin_of, recovery_of
from prunescope.results.layout import DENSE, MASK, WEIGHTS, LevelKey

if TYPE_CHECKING:
    from torch import Tensor, nn

    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner
    from prunescope.pruning.mask import Mask
    from prunescope.pruning.selection import LevelRule

AFTER = ("rewind_point",)
_CHANGES_NO_LEVEL = ("levels",)  # of the settings of a strategy


class LevelStage(FolderStage):
    """A trained network and its mask. Level 0 is unpruned and shared by all strategies.

    rewind_point: whose weights it may start from, before its mask is applied; None where the study
    has none.
    """

    kind = "level"
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
        self.seed = study.seed(key.replicate)

    @property
    def level_key(self) -> LevelKey:
        return self.key

    @property
    def training_plan(self) -> TrainingPlan | None:
        """How it is trained after pruning; None where it is not."""
        return _full_training(self.study, self.seed)

    def settings(self) -> Mapping[str, Any]:
        return {}  # the rewind point, from which it is trained on, depends on all that matters

    def cost(self) -> float:
        plan = self.training_plan
        return 0.0 if plan is None else self.study.images_shown(plan.start, plan.end)

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.pruning.mask import restore

        assert self.training_plan is not None  # of all but given weights
        network = runner.new_network(self.seed)
        before = self.mask_before(network, runner)
        mask = self.prune(network, before, runner)
        weights = self.weights_before(runner)
        history = runner.train(network, self, self.training_plan, restore(network, weights, mask))
        runner.save_network(network, folder)
        runner.save_history(history, folder)
        return self.save_mask(mask, before, folder)

    @property
    def is_rewound(self) -> bool:
        """Whether its training starts at the rewind point."""
        return self.training_plan is not None

    def weights_before(self, runner: "StageRunner") -> "dict[str, Tensor]":
        """Return the weights it starts from, before its mask is applied."""
        from prunescope.base.tensors import load_tensors

        assert self.rewind_point is not None  # of all but given weights
        return load_tensors(runner.folder(self.rewind_point) / WEIGHTS)

    def mask_before(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        """Return the mask that is pruned further."""
        return runner.all_prunable(network)

    def prune(self, network: "nn.Module", before: "Mask", runner: "StageRunner") -> "Mask":  # noqa: ARG002
        """Return which weights survive; the network's weights may be changed for it."""
        return before

    def save_mask(self, mask: "Mask", before: "Mask", folder: Path) -> str:  # noqa: ARG002
        """Save the mask, check the level as it was saved, and say what is left of it.

        Where nothing is pruned there is no file of a mask, so that it depends on no convention of
        what is prunable.
        """
        from prunescope.pruning.lineage import check_level

        check_level(folder, self.title, None, None)
        return ""

    def mask(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        """Return the mask of the finished level."""
        mask = self.saved_mask(runner)
        return runner.all_prunable(network) if mask is None else mask

    def saved_mask(self, runner: "StageRunner") -> "Mask | None":
        """Return the mask of the finished level; None where nothing is pruned."""
        from prunescope.pruning.mask import Mask

        path = runner.folder(self) / MASK
        return Mask.load(path) if path.is_file() else None


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
            "prunable": recipe.pruning.prunable,
        }

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.experiment.start import load_start
        from prunescope.pruning.lineage import check_level
        from prunescope.training.history import History

        recipe, start = self.study.recipe, self.study.recipe.start
        assert start is not None  # else there is no such stage
        network = runner.new_network(self.seed)
        mask = load_start(network, start, recipe.pruning.prunable, runner.classes)
        runner.save_network(network, folder)
        runner.save_history(History().table(), folder)
        if mask.survivors == mask.size:
            return self.save_mask(mask, mask, folder)
        mask.save(folder / MASK)
        check_level(folder, self.title, mask, None)
        return f"{100 * mask.keep:.1f} % of the weights left, as they were given"


class PrunedLevelStage(LevelStage):
    """A level pruned from the one before it and trained again."""

    def __init__(
        self,
        study: PlannedStudy,
        key: LevelKey,
        *,
        previous: LevelStage,
        rewind_point: RewindPointStage | None,
        order: int,
    ) -> None:
        self.strategy = study.recipe.pruning.strategies[key.strategy]
        origin = origin_of(self.strategy)
        uses_point = study.recipe.start is None or origin != "level before"
        point = (rewind_point,) if rewind_point and uses_point else ()
        inputs = (*point, previous)
        super().__init__(study, key, inputs=inputs, rewind_point=rewind_point, order=order)
        self.previous = previous

    @cached_property
    def recovery(self) -> Recovery:
        """How it recovers; user code may say it, which runs only while a study is run."""
        recipe = self.study.recipe
        return recovery_of(
            self.strategy, recipe.training, recipe.pruning.rewind_to, self.key.level, self.seed
        )

    @property
    def training_plan(self) -> TrainingPlan:
        recovery, step = self.recovery, self.study.step
        start, end = step(recovery.start), step(recovery.end)
        if start >= end:
            raise RECOVERIES.fault(
                self.strategy.recovery, f"trains from {start} to {end}: that is no step forward"
            )
        plan = TrainingPlan(settings=recovery.training, seed=recovery.seed, start=start, end=end)
        if self.strategy.learning_rate is None:
            return plan
        return replace(plan, advice=f"Lower pruning.strategies.{self.key.strategy}.learning_rate")

    @property
    def is_rewound(self) -> bool:
        return self.recovery.origin == "rewind point"

    def cost(self) -> float:
        if RECOVERIES.is_user_code(self.strategy.recovery):  # which is not run to say what is left
            plan = _full_training(self.study, self.seed)
            return self.study.images_shown(plan.start, plan.end)
        return super().cost()

    def weights_before(self, runner: "StageRunner") -> "dict[str, Tensor]":
        from prunescope.base.tensors import load_tensors

        match self.recovery.origin:
            case "level before":
                return load_tensors(runner.folder(self.previous) / WEIGHTS)
            case "new weights":
                return runner.initialised(self.recovery.seed).state_dict()
            case "rewind point" if self.rewind_point is None:
                raise RECOVERIES.fault(
                    self.strategy.recovery,
                    "starts from the rewind point, but the study has none: give "
                    "start.rewind_weights",
                )
        return super().weights_before(runner)

    def settings(self) -> Mapping[str, Any]:
        pruning, training = self.study.recipe.pruning, self.study.recipe.training
        settings = {
            "prunable": pruning.prunable,
            **{
                name: value
                for name, value in self.strategy.for_key().items()
                if name not in _CHANGES_NO_LEVEL
            },
        }
        sources = self.strategy.sources().items()
        settings |= {f"{choice}_source": hash_file(path) for choice, path in sources}
        if self.study.recipe.start is None:
            return settings  # the rewind point depends on the rest
        if origin_of(self.strategy) != "level before":
            settings["rewind_to"] = pruning.rewind_to
        return settings | {"training": training.for_key(), "seed": self.seed}

    def mask_before(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        return self.previous.mask(network, runner)

    def prune(self, network: "nn.Module", before: "Mask", runner: "StageRunner") -> "Mask":
        from prunescope.base.tensors import load_tensors
        from prunescope.pruning.scoring import score
        from prunescope.pruning.selection import select

        network.load_state_dict(load_tensors(runner.folder(self.previous) / WEIGHTS))
        seed = derive_seed(self.seed, "prune", self.key.strategy, self.key.level)
        scores = score(network, before, self.strategy.criterion, seed)
        return select(scores, before, self.strategy.scope, self._rule.left)

    @property
    def _rule(self) -> "LevelRule":
        from prunescope.pruning.selection import LevelRule

        return LevelRule(strategy=self.strategy, level=self.key.level)

    def save_mask(self, mask: "Mask", before: "Mask", folder: Path) -> str:
        from prunescope.pruning.lineage import check_level

        mask.save(folder / MASK)
        check_level(folder, self.title, before, self._rule)
        return f"{100 * mask.keep:.1f} % of the weights left"


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield level 0 of every replicate, then the levels of each of its strategies."""
    study, recipe = plan.study, plan.study.recipe
    points = {point.path: point for point in plan.of(RewindPointStage)}
    for replicate in range(recipe.replicates):
        key = LevelKey(replicate=replicate, strategy=DENSE, level=0)
        point = points.get(key.rewind_path)
        dense: LevelStage
        if recipe.start is not None:
            dense = GivenLevelStage(study, replicate)
        else:
            assert point is not None  # a study that trains level 0 has one
            dense = LevelStage(study, key, inputs=(point,), rewind_point=point)
        yield dense
        for order, (name, strategy) in enumerate(recipe.pruning.strategies.items(), start=1):
            previous = dense
            for number in range(1, strategy.levels + 1):
                key = LevelKey(replicate=replicate, strategy=name, level=number)
                previous = PrunedLevelStage(
                    study, key, previous=previous, rewind_point=point, order=order
                )
                yield previous


def _full_training(study: PlannedStudy, seed: int) -> TrainingPlan:
    return TrainingPlan(
        settings=study.recipe.training,
        seed=seed,
        start=study.step(study.recipe.pruning.rewinding_step),
        end=study.step(study.recipe.training.to),
    )
