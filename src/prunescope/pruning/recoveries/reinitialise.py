"""New weights are drawn under the mask, and trained from the rewind point's step on.

The control of Frankle & Carbin 2019, section 2: the same structure, another initialisation.
"""

from typing import TYPE_CHECKING

from prunescope.base.seeding import Seeds
from prunescope.pruning.recovery import Origin, Recovery
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

ORIGIN: Origin = "new weights"
SETTINGS = ()
FROM_REWIND_STEP = True


def recover(
    strategy: "StrategySettings",  # noqa: ARG001
    training: TrainingSettings,
    rewind_to: str,
    level: int,
    seeds: Seeds,
) -> Recovery:
    """Train new weights by the study's schedule from the rewind point's step to the end.

    Each level draws its own; the order of images and their augmentation are level 0's.
    """
    return Recovery(
        origin=ORIGIN,
        training=training,
        start=rewind_to,
        end=training.to,
        seeds=with_new_weights(seeds, "reinitialise", level),
    )


def with_new_weights(seeds: Seeds, purpose: str, level: int) -> Seeds:
    """Return a level's seeds: of its weights one of its own, the others as they are."""
    init = seeds.derive(purpose, level).init
    return Seeds(init=init, order=seeds.order, augmentation=seeds.augmentation)


def in_words(_strategy: "StrategySettings") -> str:
    """Say what is new."""
    return "reinitialised"
