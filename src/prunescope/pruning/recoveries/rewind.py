"""Every parameter and buffer goes back to the rewind point, to train anew (Frankle et al. 2019)."""

from typing import TYPE_CHECKING

from prunescope.base.seeding import Seeds
from prunescope.pruning.recovery import Origin, Recovery
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

ORIGIN: Origin = "rewind point"
SETTINGS = ()
TRAINED = "rewound levels are trained by the study's own schedule"


def recover(
    strategy: "StrategySettings",  # noqa: ARG001
    training: TrainingSettings,
    rewind_to: str,
    level: int,  # noqa: ARG001
    seeds: Seeds,
) -> Recovery:
    """Train from the rewind point to the end, as level 0 was, in its order of images."""
    return Recovery(origin=ORIGIN, training=training, start=rewind_to, end=training.to, seeds=seeds)


def in_words(_strategy: "StrategySettings") -> str:
    """Say nothing: this is how pruned networks recover where nothing else is said."""
    return ""
