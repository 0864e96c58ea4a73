"""How is a level pruned from the one before it, and trained again?"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.seeding import derive_seed
from prunescope.experiment.levels.level import LevelStage, full_training
from prunescope.experiment.stage import PlannedStudy
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.pruning.choices import CRITERIA, RECOVERIES
from prunescope.pruning.recovery import Recovery, recovery_of
from prunescope.results.layout import MASK, LevelKey

if TYPE_CHECKING:
    from torch import Tensor, nn

    from prunescope.experiment.runner import StageRunner
    from prunescope.pruning.mask import Mask
    from prunescope.pruning.selection import LevelRule


class PrunedLevelStage(LevelStage):
    """A level pruned from the one before it and trained again.

    source: the level whose mask it takes, where its strategy is one that takes masks.
    """

    def __init__(
        self,
        study: PlannedStudy,
        key: LevelKey,
        *,
        previous: LevelStage,
        rewind_point: RewindPointStage | None,
        source: LevelStage | None,
        order: int,
    ) -> None:
        self._planned = study.strategies[key.strategy]
        self.strategy = self._planned.settings
        self.scores_at_rewind_point = self._planned.scores_at_rewind_point
        is_trained_on = self._planned.origin == "level before"
        uses_point = study.recipe.start is None or not is_trained_on or self.scores_at_rewind_point
        point = (rewind_point,) if rewind_point and uses_point else ()
        inputs = (*point, previous, *((source,) if source else ()))
        super().__init__(study, key, inputs=inputs, rewind_point=rewind_point, order=order)
        if source is not None:  # which may stand behind it in the recipe
            self.position = max(self.position, (*source.position, *self.position))
        self.previous = previous
        self.source = source

    @cached_property
    def recovery(self) -> Recovery:
        """How it recovers; user code may say it, which runs only while a study is run."""
        recipe = self.study.recipe
        return recovery_of(
            self.strategy, recipe.training, recipe.pruning.rewind_to, self.key.level, self.seeds
        )

    @property
    def training_plan(self) -> TrainingPlan:
        recovery, step = self.recovery, self.study.step
        start, end = step(recovery.start), step(recovery.end)
        if start >= end:
            raise RECOVERIES.fault(
                self.strategy.recovery, f"trains from {start} to {end}: that is no step forward"
            )
        plan = TrainingPlan(settings=recovery.training, seeds=recovery.seeds, start=start, end=end)
        if self.strategy.learning_rate is None:
            return plan
        return replace(plan, advice=f"Lower pruning.strategies.{self.key.strategy}.learning_rate")

    def plan_for(self, network: "nn.Module", mask: "Mask", runner: "StageRunner") -> TrainingPlan:
        from prunescope.pruning.cost import dense_over_sparse

        plan = self.training_plan
        if not self.recovery.costs_as_dense:
            return plan
        return plan.stretched(dense_over_sparse(network, mask, runner.sources.side))

    @property
    def is_rewound(self) -> bool:
        return self.recovery.origin == "rewind point"

    def cost(self) -> float:
        if RECOVERIES.is_user_code(self.strategy.recovery):  # which is not run to say what is left
            plan = full_training(self.study, self.seeds)
            return self.study.images_shown(plan)
        return super().cost()

    def weights_before(self, runner: "StageRunner") -> "dict[str, Tensor]":
        match self.recovery.origin:
            case "level before":
                return self.previous_weights(runner)
            case "new weights":
                return runner.initialised(self.recovery.seeds.init).state_dict()
            case "rewind point" if self.rewind_point is None:
                raise RECOVERIES.fault(
                    self.strategy.recovery,
                    "starts from the rewind point, but the study has none: give "
                    "start.rewind_weights",
                )
        return super().weights_before(runner)

    def previous_weights(self, runner: "StageRunner") -> "dict[str, Tensor]":
        """Return the weights of the level before."""
        return runner.weights_of(self.previous)

    def settings(self) -> Mapping[str, Any]:
        pruning, training = self.study.recipe.pruning, self.study.recipe.training
        settings = {"prunable": pruning.prunable_for_key, **self._planned.for_level(self.key.level)}
        if self.study.recipe.start is None:
            return settings  # the rewind point depends on the rest
        if self._planned.origin != "level before" or self.scores_at_rewind_point:
            settings["rewind_to"] = pruning.rewind_to
        return settings | {"training": training.for_key(), "seed": self.seeds.for_key()}

    def mask_before(self, network: "nn.Module", runner: "StageRunner") -> "Mask":
        return self.previous.mask(network, runner)

    def prune(self, network: "nn.Module", before: "Mask", runner: "StageRunner") -> "Mask":
        from prunescope.pruning.selection import check_layers, prune_by

        rule = self._rule(runner)
        if rule.source is not None:
            criterion: Any = CRITERIA.module(self.strategy.criterion)
            dense = self._level_0.mask(network, runner)
            derived: Mask = criterion.derive(rule.source, dense, self.seeds.init)
            return derived
        seed = derive_seed(self.seeds.init, "prune", self.key.strategy, self.key.level)
        scored = self.rewind_point if self.scores_at_rewind_point else self.previous
        assert scored is not None  # else the recipe was refused
        network.load_state_dict(runner.weights_of(scored))
        at_start = self._level_0.mask(network, runner) if self.scores_at_rewind_point else None
        mask = prune_by(
            rule,
            network,
            before,
            images=runner.scoring_images(self.strategy.score_images, self.seeds),
            seed=seed,
            scored_under=at_start,
        )
        if not self.strategy.allow_empty_layers:
            where = f"pruning.strategies.{self.key.strategy}"
            check_layers(before, mask, where, self.strategy.scope)
        return mask

    @property
    def _level_0(self) -> LevelStage:
        stage = self.previous
        while isinstance(stage, PrunedLevelStage):
            stage = stage.previous
        return stage

    def _rule(self, runner: "StageRunner") -> "LevelRule":
        from prunescope.pruning.selection import LevelRule

        source = None if self.source is None else self.source.saved_mask(runner)
        return LevelRule.of(self.strategy, self.key.level, source)

    def save_mask(self, mask: "Mask", before: "Mask", folder: Path, runner: "StageRunner") -> str:
        from prunescope.pruning import two_four
        from prunescope.pruning.lineage import check_level

        mask.save(folder / MASK)
        check_level(folder, self.title, before, self._rule(runner))
        dense = two_four.describe_dense(mask) if self.strategy.structure == "2:4" else ""
        return f"{100 * mask.keep:.1f} % of the weights left" + (f" ({dense})" if dense else "")
