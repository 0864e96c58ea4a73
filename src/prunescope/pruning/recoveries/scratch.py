"""New weights are drawn under the mask, and trained from the first step (Liu et al. 2019)."""

from typing import TYPE_CHECKING

from prunescope.base.seeding import Seeds
from prunescope.pruning.recoveries.reinitialise import with_new_weights
from prunescope.pruning.recovery import Origin, Recovery
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

ORIGIN: Origin = "new weights"
SETTINGS = ("budget",)


def recover(
    strategy: "StrategySettings",
    training: TrainingSettings,
    rewind_to: str | None,  # noqa: ARG001
    level: int,
    seeds: Seeds,
) -> Recovery:
    """Train new weights by the whole schedule.

    By the budget "epochs" for as many steps as level 0; by "compute" for as many more as the level
    is cheaper in multiply-adds, with the schedule stretched.
    """
    return Recovery(
        origin=ORIGIN,
        training=training,
        start="0it",
        end=training.to,
        seeds=with_new_weights(seeds, "scratch", level),
        costs_as_dense=strategy.budget == "compute",
    )


def in_words(strategy: "StrategySettings") -> str:
    """Say by which budget."""
    return f"trained from scratch by equal {strategy.budget or 'epochs'}"
