"""The weights of the level before are trained on, with fresh momentum (Han et al. 2015)."""

from typing import TYPE_CHECKING

from prunescope.base.seeding import Seeds
from prunescope.pruning.recovery import Origin, Recovery
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

ORIGIN: Origin = "level before"
SETTINGS = ("learning_rate", "steps", "rate_schedule")


def recover(
    strategy: "StrategySettings",
    training: TrainingSettings,
    rewind_to: str | None,  # noqa: ARG001
    level: int,
    seeds: Seeds,
) -> Recovery:
    """Train for the strategy's steps, at its rate or falling from it.

    Each level has an order of images of its own, so that none sees again what the one before saw
    last.
    """
    assert strategy.learning_rate is not None  # `check` has seen to it
    assert strategy.steps is not None
    return Recovery(
        origin=ORIGIN,
        training=training.finetuning(
            strategy.learning_rate, strategy.steps, strategy.rate_schedule or "constant"
        ),
        start="0it",
        end=strategy.steps,
        seeds=seeds.derive("finetune", level),
    )


def check(strategy: "StrategySettings") -> None:
    """Raise ValueError where the rate or the steps are missing."""
    if strategy.learning_rate is None or strategy.steps is None:
        raise ValueError('recovery "finetune" needs a learning_rate and its steps ("10ep")')


def in_words(strategy: "StrategySettings") -> str:
    """Say how long each level is trained, and at which rate."""
    falling = ", falling along a cosine" if strategy.rate_schedule == "cosine" else ""
    return f"fine-tuned for {strategy.steps} at a rate of {strategy.learning_rate:g}{falling}"
