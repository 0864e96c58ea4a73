"""From which weights does a pruned level start, and how is it trained?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.base.text import a_kind, belong
from prunescope.pruning.choices import RECOVERIES
from prunescope.training.settings import TrainingSettings

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

Origin: TypeAlias = Literal["rewind point", "level before", "new weights"]
"""What a level's weights are before its mask is applied; new ones are drawn from its seed."""


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How a pruned level recovers.

    training: its settings. start, end: the steps from and to which it is trained, as in 10ep.
    seeds: of new weights, where it starts from these, and of order and augmentation.
    costs_as_dense: whether training and its schedule are stretched until it has cost as many
        multiply-adds as that of level 0 (Liu et al. 2019, "Scratch-B").
    """

    origin: Origin
    training: TrainingSettings
    start: str
    end: str
    seeds: Seeds
    costs_as_dense: bool = False


def recovery_of(
    strategy: "StrategySettings",
    training: TrainingSettings,
    rewind_to: str | None,
    level: int,
    seeds: Seeds,
) -> Recovery:
    """Return how a level of a strategy recovers.

    training: the study's. rewind_to: its rewind point, where it has one. seeds: the replicate's.
    Raises ConfigError where a user's recovery fails, or returns anything else.
    """
    name = strategy.recovery
    recovery = RECOVERIES.call(name, strategy, training, rewind_to, level, seeds)
    fault = _fault(recovery, rewind_to)
    if fault is not None:
        raise RECOVERIES.fault(name, fault)
    assert isinstance(recovery, Recovery)  # else it has a fault
    return recovery


def origin_of(strategy: "StrategySettings") -> Origin | None:
    """Return what the levels of a strategy start from; None where user code decides."""
    module = RECOVERIES.module(strategy.recovery)
    return None if module is None else module.ORIGIN


def check_settings(strategy: "StrategySettings") -> None:
    """Raise ValueError where settings are missing, or are those of other recoveries.

    User code may take any of them.
    """
    chosen = RECOVERIES.module(strategy.recovery)
    if chosen is None:
        return
    for other in RECOVERIES.names:
        not_taken = [name for name in _settings_of(other) if name not in chosen.SETTINGS]
        stated = [name for name in not_taken if getattr(strategy, name) is not None]
        if stated:
            trained = getattr(chosen, "TRAINED", None)
            raise ValueError(
                f'{belong(stated)} to recovery "{other}", but recovery is '
                f'"{strategy.recovery}"' + (f": {trained}" if trained else "")
            )
    if hasattr(chosen, "check"):
        chosen.check(strategy)


def _settings_of(recovery: str) -> tuple[str, ...]:
    return getattr(RECOVERIES.module(recovery), "SETTINGS", ())


def _fault(recovery: object, rewind_to: str | None) -> str | None:
    if not isinstance(recovery, Recovery):
        return f"returned {a_kind(recovery)}, but must return a Recovery"
    if not isinstance(recovery.training, TrainingSettings):
        return f"trains with {a_kind(recovery.training)}, but must do so with TrainingSettings"
    if recovery.origin not in get_args(Origin):
        return f'starts from "{recovery.origin}", but must from {" or ".join(get_args(Origin))}'
    if recovery.origin == "rewind point" and rewind_to is None:
        return "starts from the rewind point, but the study has none: set pruning.rewind_to"
    for step in (recovery.start, recovery.end):
        try:
            Step.parse(str(step), 1)
        except ConfigError as error:
            return f"is trained from {recovery.start} to {recovery.end}: {error}"
    return None
