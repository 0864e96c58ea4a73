"""How is a network of a study trained, by one process or by several that share its batches?"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from torch import nn

from prunescope.base.ranks import Ranks
from prunescope.base.steps import Step
from prunescope.experiment.together import together
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.results.layout import CHECKPOINT, TRACKING, kept_name
from prunescope.training import loop
from prunescope.training.tracking import tracked

if TYPE_CHECKING:
    from prunescope.experiment.runner import StageRunner
    from prunescope.experiment.stage import Stage


def train_stage(
    runner: "StageRunner",
    network: nn.Module,
    stage: "Stage",
    plan: TrainingPlan,
    mask: Mask | None = None,
    keeper: MaskKeeper | None = None,
) -> pd.DataFrame:
    """Train a network for a stage, on from its checkpoint if there is one; return the history.

    mask, keeper: of what is pruned, and what keeps to it.
    The processes of the runner train it together; the others make a keeper of this mask.
    """
    (artifact,) = stage.artifacts
    place = runner.store.place_of_work(artifact)

    def keep(network: nn.Module, step: Step) -> None:
        runner.save_weights(network, place / kept_name(str(step)))

    with tracked(
        runner.recipe.training.track,
        runner.store.root / TRACKING,
        study=runner.recipe.name,
        training=stage.path,
    ) as log:
        own = partial(
            _train,
            runner,
            network,
            plan,
            keeper,
            runner.ranks,
            keep=keep,
            log=log,
            checkpoint=place / CHECKPOINT,
            identity=artifact.key,
            progress=runner.progress,
        )
        others = partial(_train_along, runner, plan, mask, type(keeper) if keeper else MaskKeeper)
        return together(runner.ranks, own, others)


def _train_along(
    runner: "StageRunner",
    plan: TrainingPlan,
    mask: Mask | None,
    make_keeper: Callable[[nn.Module, Mask], MaskKeeper],
    ranks: Ranks,
) -> None:
    """Take part in the training of a network whose weights the first process has."""
    network = runner.new_network(plan.seeds.init)
    keeper = None if mask is None else make_keeper(network, mask)
    _train(runner, network, plan, keeper, ranks, keep=_keep_nothing)


def _train(
    runner: "StageRunner",
    network: nn.Module,
    plan: TrainingPlan,
    keeper: MaskKeeper | None,
    ranks: Ranks,
    **others: Any,
) -> pd.DataFrame:
    return loop.train(
        network,
        runner.sources.train_images,
        settings=plan.settings,
        normalisation=runner.sources.normalisation,
        seeds=plan.seeds,
        start=plan.start,
        end=plan.end,
        at_start=keeper,
        before_step=None if keeper is None else keeper.clear_gradients,
        test=lambda network: runner.test_accuracy(network, ranks),
        advice=plan.advice,
        ranks=ranks,
        **others,
    )


def _keep_nothing(network: nn.Module, step: Step) -> None:
    """Keep no weights: the first process does."""
