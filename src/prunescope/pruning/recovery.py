"""From which weights does a pruned level start, and how is it trained?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from prunescope.base.errors import ConfigError
from prunescope.base.steps import Step
from prunescope.base.text import a_kind
from prunescope.pruning.choices import RECOVERIES
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.settings import StrategySettings

Origin: TypeAlias = Literal["rewind point", "level before", "new weights"]
"""What a level's weights are before its mask is applied; new ones are drawn from its seed."""


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How a pruned level recovers.

    training: its settings. start, end: the steps from and to which it is trained, as in 10ep.
    seed: of the order of images and their augmentation, and of new weights.
    """

    origin: Origin
    training: TrainingSettings
    start: str
    end: str
    seed: int


def recovery_of(
    strategy: "StrategySettings",
    training: TrainingSettings,
    rewind_to: str | None,
    level: int,
    seed: int,
) -> Recovery:
    """Return how a level of a strategy recovers.

    training: the study's. rewind_to: its rewind point, where it has one. seed: the replicate's.
    Raises ConfigError where a recovery of the user's fails, or returns anything else.
    """
    name = strategy.recovery
    found = RECOVERIES.call(name, strategy, training, rewind_to, level, seed)
    fault = _fault(found, rewind_to)
    if fault is not None:
        raise RECOVERIES.fault(name, fault)
    assert isinstance(found, Recovery)  # else it has a fault
    return found


def origin_of(strategy: "StrategySettings") -> Origin | None:
    """Return what the levels of a strategy start from; None where code of the user's decides."""
    module = RECOVERIES.module(strategy.recovery)
    return None if module is None else module.ORIGIN


def _fault(found: object, rewind_to: str | None) -> str | None:
    if not isinstance(found, Recovery):
        return f"returned {a_kind(found)}, but must return a Recovery"
    if not isinstance(found.training, TrainingSettings):
        return f"trains with {a_kind(found.training)}, but must do so with TrainingSettings"
    if found.origin not in get_args(Origin):
        return f'starts from "{found.origin}", but must from {" or ".join(get_args(Origin))}'
    if found.origin == "rewind point" and rewind_to is None:
        return "starts from the rewind point, but the study has none: set pruning.rewind_to"
    try:
        first, last = (Step.parse(step, 1_000_000) for step in (found.start, found.end))
    except (ConfigError, TypeError) as error:
        return f"is trained from {found.start} to {found.end}: {error}"
    if first >= last:
        return f"is trained from {found.start} to {found.end}: the end must come after the start"
    return None
