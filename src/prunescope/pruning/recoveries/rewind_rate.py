"""The weights stay, and the learning rate goes back to the rewind point (Renda et al. 2020)."""

from typing import TYPE_CHECKING

from prunescope.base.seeding import Seeds
from prunescope.pruning.recovery import Origin, Recovery
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

ORIGIN: Origin = "level before"
SETTINGS = ()
FROM_REWIND_STEP = True


def recover(
    strategy: "StrategySettings",  # noqa: ARG001
    training: TrainingSettings,
    rewind_to: str,
    level: int,  # noqa: ARG001
    seeds: Seeds,
) -> Recovery:
    """Run the study's schedule again from the rewind point, in level 0's order of images."""
    return Recovery(origin=ORIGIN, training=training, start=rewind_to, end=training.to, seeds=seeds)


def in_words(_strategy: "StrategySettings") -> str:
    """Say what is rewound."""
    return "the learning rate rewound"
