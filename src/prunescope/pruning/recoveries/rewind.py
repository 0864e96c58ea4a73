"""Every parameter and buffer goes back to the rewind point (Frankle et al. 2019)."""

from typing import TYPE_CHECKING

from prunescope.pruning.recovery import Origin, Recovery
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.settings import StrategySettings

ORIGIN: Origin = "rewind point"


def recover(
    strategy: "StrategySettings",  # noqa: ARG001
    training: TrainingSettings,
    rewind_to: str,
    level: int,  # noqa: ARG001
    seed: int,
) -> Recovery:
    """Train from the rewind point to the end, as level 0 was, in its order of images."""
    return Recovery(origin=ORIGIN, training=training, start=rewind_to, end=training.to, seed=seed)


def check(strategy: "StrategySettings") -> None:
    """Raise ValueError for settings of another recovery."""
    names = [name for name in ("learning_rate", "steps") if getattr(strategy, name) is not None]
    if names:
        raise ValueError(
            f'{" and ".join(names)} belong to recovery "finetune", but recovery is "rewind": '
            "rewound levels are trained by the study's own schedule"
        )
