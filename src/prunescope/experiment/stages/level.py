"""How is a level pruned and trained, and where does level 0 come from?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.files import hash_file
from prunescope.base.seeding import derive_seed
from prunescope.experiment.identity import network_identity, weights_identity
from prunescope.experiment.stage import FolderStage, PlannedStudy, Stage
from prunescope.experiment.stages.rewind_point import RewindPoint
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.pruning.choices import CRITERIA
from prunescope.pruning.settings import StrategySettings
from prunescope.results.layout import DENSE, MASK, WEIGHTS, LevelKey

if TYPE_CHECKING:
    from torch import nn

    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner
    from prunescope.pruning.mask import Mask

AFTER = ("rewind_point",)
_OF_THE_STUDY = ("levels",)  # settings of a strategy that change no level


class Level(FolderStage):
    """A trained network and its mask. Level 0 is unpruned and shared by all strategies.

    origin: the stage whose weights it starts from, before its mask is applied; None where it is
    given weights as they are.
    """

    kind = "level"
    version = 3

    def __init__(
        self,
        study: PlannedStudy,
        key: LevelKey,
        *,
        inputs: tuple[Stage, ...],
        origin: Stage | None,
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
        self.origin = origin
        self.seed = study.seed(key.replicate)

    @property
    def level_key(self) -> LevelKey:
        return self.key

    @property
    def plan(self) -> TrainingPlan | None:
        """How it is trained after pruning; None where it is not."""
        return _full_training(self.study, self.seed)

    def settings(self) -> Mapping[str, Any]:
        return {}  # the rewind point, from which it is trained on, depends on all that matters

    def cost(self) -> float:
        plan = self.plan
        return 0.0 if plan is None else self.study.images_shown(plan.start, plan.end)

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.base.tensors import load_tensors
        from prunescope.pruning.rewinding import restore

        assert self.plan is not None  # of all but given weights
        assert self.origin is not None
        network = runner.new_network(self.seed)
        before = self.mask_before(network, runner)
        mask = self.prune(network, before, runner)
        weights = load_tensors(runner.folder(self.origin) / WEIGHTS)
        history = runner.train(network, self, self.plan, restore(network, weights, mask))
        runner.save_network(network, folder)
        runner.save_history(history, folder)
        return self.save_mask(mask, before, folder)

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
        from prunescope.experiment.auditing import check_level

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


class GivenLevel(Level):
    """Level 0 of a study that starts from weights of the user's, dense or pruned."""

    def __init__(self, study: PlannedStudy, replicate: int) -> None:
        key = LevelKey(replicate=replicate, strategy=DENSE, level=0)
        super().__init__(study, key, inputs=(), origin=None)

    @property
    def plan(self) -> None:
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
        from prunescope.experiment.auditing import check_level
        from prunescope.experiment.start import load_start
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


class PrunedLevel(Level):
    """A level pruned from the one before it and trained again."""

    def __init__(
        self,
        study: PlannedStudy,
        key: LevelKey,
        *,
        previous: Level,
        rewind_point: RewindPoint | None,
        order: int,
    ) -> None:
        strategy = study.recipe.pruning.strategies[key.strategy]
        rewound = strategy.recovery == "rewind"
        uses_point = rewind_point is not None and (rewound or study.recipe.start is None)
        inputs = (*([rewind_point] if rewind_point and uses_point else []), previous)
        origin = rewind_point if rewound else previous
        super().__init__(study, key, inputs=inputs, origin=origin, order=order)
        self.previous = previous
        self.strategy = strategy

    @property
    def plan(self) -> TrainingPlan:
        """As level 0 from the rewind point on, in its order; or on from the level before.

        A fine-tuned level sees the images in an order of its own, so that no level sees again what
        the one before saw last.
        """
        if self.strategy.recovery == "rewind":
            return _full_training(self.study, self.seed)
        return _fine_tuning(self.study, self.strategy, self.key, self.seed)

    def settings(self) -> Mapping[str, Any]:
        pruning, training = self.study.recipe.pruning, self.study.recipe.training
        settings = {
            "prunable": pruning.prunable,
            **{
                name: value
                for name, value in self.strategy.for_key().items()
                if name not in _OF_THE_STUDY
            },
        }
        source = CRITERIA.source(self.strategy.criterion)
        if source is not None:
            settings["criterion_source"] = hash_file(source)
        if self.study.recipe.start is None:
            return settings  # the rewind point depends on the rest
        if self.strategy.recovery == "rewind":
            settings["rewind_to"] = pruning.rewind_to
        return settings | {"training": training.for_key(), "seed": self.seed}

    def mask_before(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        return self.previous.mask(network, runner)

    def prune(self, network: "nn.Module", before: "Mask", runner: "StageRunner") -> "Mask":
        from prunescope.base.tensors import load_tensors
        from prunescope.pruning.scoring import score
        from prunescope.pruning.selection import prune_fraction

        network.load_state_dict(load_tensors(runner.folder(self.previous) / WEIGHTS))
        seed = derive_seed(self.seed, "prune", self.key.strategy, self.key.level)
        scores = score(network, before, self.strategy.criterion, seed)
        return prune_fraction(scores, before, self.strategy.fraction, self.strategy.scope)

    def save_mask(self, mask: "Mask", before: "Mask", folder: Path) -> str:
        from prunescope.experiment.auditing import check_level

        mask.save(folder / MASK)
        check_level(folder, self.title, before, self.strategy)
        return f"{100 * mask.keep:.1f} % of the weights left"


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield level 0 of every replicate, then the levels of each of its strategies."""
    study, recipe = plan.study, plan.study.recipe
    points = {point.path: point for point in plan.of(RewindPoint)}
    for replicate in range(recipe.replicates):
        key = LevelKey(replicate=replicate, strategy=DENSE, level=0)
        point = points.get(key.rewind_path)
        dense: Level
        if recipe.start is not None:
            dense = GivenLevel(study, replicate)
        else:
            assert point is not None  # a study that trains level 0 has one
            dense = Level(study, key, inputs=(point,), origin=point)
        yield dense
        for order, (name, strategy) in enumerate(recipe.pruning.strategies.items(), start=1):
            previous = dense
            for number in range(1, strategy.levels + 1):
                key = LevelKey(replicate=replicate, strategy=name, level=number)
                previous = PrunedLevel(
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


def _fine_tuning(
    study: PlannedStudy, strategy: StrategySettings, key: LevelKey, seed: int
) -> TrainingPlan:
    assert strategy.learning_rate is not None  # the strategy's own check
    assert strategy.steps is not None
    return TrainingPlan(
        settings=study.recipe.training.finetuning(strategy.learning_rate, strategy.steps),
        seed=derive_seed(seed, "finetune", key.level),
        start=study.step("0it"),
        end=study.step(strategy.steps),
        advice=f"Lower pruning.strategies.{key.strategy}.learning_rate",
    )
