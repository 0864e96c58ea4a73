"""What can a recipe say about pruning?"""

import re
from typing import Annotated, Literal, TypedDict

from pydantic import AfterValidator, Field, field_validator, model_validator

from prunescope.base.errors import ConfigError
from prunescope.base.registry import Registry
from prunescope.base.settings import Count, Later, Rate, Settings
from prunescope.base.steps import Step, StepText
from prunescope.base.text import on_one_line, shortened
from prunescope.pruning.choices import CRITERIA, SCOPES, Prunable
from prunescope.results.layout import DENSE, is_reserved

_LONGEST_NAME = 100  # files take 255 bytes, and some are named by more than the strategy


def _check_name(name: str) -> str:
    if not re.fullmatch(rf"[a-z0-9][a-z0-9_-]{{,{_LONGEST_NAME - 1}}}", name) or name == DENSE:
        raise ValueError(
            f'"{on_one_line(shortened(name))}" cannot name a strategy: use a-z, 0-9, _ and -, at '
            f'most {_LONGEST_NAME} of them, and not "dense"'
        )
    if is_reserved(name):
        raise ValueError(f'"{name}" cannot name a strategy: a run folder uses that name itself')
    return name


def _choice(registry: Registry) -> AfterValidator:
    def check(name: str) -> str:
        try:
            return registry.check(name)
        except ConfigError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


Criterion = Annotated[
    str,
    _choice(CRITERIA),
    Field(
        examples=[*CRITERIA.names, "mine:scores"],
        description='Which weights go: "magnitude" the smallest, "random" any, drawn from the seed '
        "(of a study anew in each level), or those that score lowest by a function of your own.",
    ),
]
Scope = Annotated[
    str,
    _choice(SCOPES),
    Field(
        json_schema_extra={"enum": list(SCOPES.names)},
        description='Which weights compete: "global", those of all prunable tensors; "layerwise", '
        "those of each, so that every tensor loses the same share.",
    ),
]
PrunableTensors = Annotated[
    Prunable,
    Field(
        description='Which tensors are pruned: "all" weights of convolutions and linear layers; '
        '"conv" those of convolutions, without shortcuts and the classifier; "conv+shortcut" those '
        "of convolutions, without the classifier."
    ),
]
StrategyName = Annotated[str, AfterValidator(_check_name)]


Recovery = Literal["rewind", "finetune"]
"""How a pruned network gets its accuracy back, see `StrategySettings`."""


class StrategySettings(Settings):
    """Iterative pruning, and how the network recovers from it."""

    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the surviving weights removed at each level, in (0, 1)."""

    levels: Count
    """Number of pruned levels after level 0."""

    criterion: Annotated[Criterion, Later()] = "magnitude"

    scope: Annotated[Scope, Later()] = "global"

    recovery: Annotated[Recovery, Later()] = "rewind"
    """How a pruned network recovers: "rewind" takes every parameter and buffer back to the rewind
    point and trains to the end again (Frankle et al. 2019); "finetune" keeps the weights of the
    level before and trains on, with fresh momentum (Han et al. 2015)."""

    learning_rate: Annotated[Rate | None, Later()] = None
    """The constant rate of "finetune" alone."""

    steps: Annotated[StepText | None, Later()] = None
    """How long a level is trained by "finetune" alone, as in 10ep."""

    @model_validator(mode="after")
    def _agree(self) -> "StrategySettings":
        own = {"learning_rate": self.learning_rate, "steps": self.steps}
        given = [name for name, value in own.items() if value is not None]
        if self.recovery == "rewind" and given:
            raise ValueError(
                f'{" and ".join(given)} belong to recovery "finetune", but recovery is "rewind": '
                "rewound levels are trained by the study's own schedule"
            )
        if self.recovery == "finetune" and len(given) < len(own):
            raise ValueError('recovery "finetune" needs a learning_rate and its steps ("10ep")')
        if self.steps is not None and Step.parse(self.steps, 1).iteration == 0:
            raise ValueError(f"steps is {self.steps}, but fine-tuning takes at least one")
        return self


class PruningSettings(Settings):
    """What all strategies of a study share, and the strategies by name."""

    prunable: PrunableTensors = "all"

    rewind_to: StepText | None = None
    """The rewind point: the step to which rewound levels go back; "0it" is the original lottery
    ticket. It may be left out only where a study starts from given weights and rewinds no level."""

    strategies: Annotated[dict[StrategyName, StrategySettings], Field(min_length=1)]
    """Ways to prune and recover, by names of your own; all share level 0."""

    @property
    def rewinds(self) -> bool:
        """Say whether any strategy recovers by rewinding."""
        return any(strategy.recovery == "rewind" for strategy in self.strategies.values())

    @property
    def rewinding_step(self) -> str:
        """The step that levels go back to, of a study that has one."""
        assert self.rewind_to is not None  # `Study` sees to it
        return self.rewind_to


class PruneSettings(Settings):
    """How one network is pruned, outside any study."""

    keep: float | None = None
    """Share of all prunable weights to keep, in (0, 1]; by default what the mask keeps."""

    criterion: Criterion = "magnitude"

    scope: Scope = "global"

    prunable: PrunableTensors = "all"

    seed: Annotated[int, Field(ge=0)] = 0
    """The seed of the random criterion."""

    @field_validator("keep")
    @classmethod
    def _is_share(cls, keep: float | None) -> float | None:
        if keep is not None and not 0 < keep <= 1:
            raise ValueError(f"keep is {keep}, but must lie in (0, 1]")
        return keep


class PruneOptions(TypedDict, total=False):
    """The settings by which one network is pruned, as a function takes them by keyword."""

    criterion: str
    scope: str
    prunable: Prunable
    seed: int
