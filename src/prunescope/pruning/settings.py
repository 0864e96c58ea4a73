"""What can a recipe say about pruning?"""

import re
from pathlib import Path
from typing import Annotated, Any, TypedDict

from pydantic import (
    AfterValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from prunescope.base.errors import ConfigError
from prunescope.base.registry import Registry
from prunescope.base.settings import Count, Later, Rate, Settings
from prunescope.base.steps import Step, StepText
from prunescope.base.text import counted, on_one_line, shortened
from prunescope.pruning.choices import (
    CRITERIA,
    RECOVERIES,
    REGISTRIES,
    SCHEDULES,
    SCOPES,
    Prunable,
)
from prunescope.pruning.recovery import check_settings, origin_of
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


def _named(registry: Registry) -> AfterValidator:
    def check(name: str) -> str:
        try:
            return registry.check(name)
        except ConfigError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


def _schema(registry: Registry) -> WithJsonSchema:
    """Offer the names that come with Prunescope, and take any that leads to code."""
    examples = [*registry.names, f"mine:{registry.function}"]
    named = {"enum": list(registry.names)}
    users = {"type": "string", "pattern": r"^[\w.]+:\w+$"}
    return WithJsonSchema({"anyOf": [named, users], "examples": examples})


def _text(registry: Registry, description: str) -> Any:
    """Return the text of a setting, and what each choice that comes with Prunescope does."""
    choices = (
        f'"{name}": {text[:1].lower()}{text[1:]}' for name, text in registry.summaries.items()
    )
    return Field(description=" ".join([description, *choices]))


Criterion = Annotated[
    str,
    _named(CRITERIA),
    _schema(CRITERIA),
    _text(CRITERIA, description="Which weights survive, by name or by a function of your own."),
]
Scope = Annotated[
    str,
    _named(SCOPES),
    _schema(SCOPES),
    _text(SCOPES, description="Which weights compete, by name or by a function of your own."),
]
PrunableTensors = Annotated[
    Prunable,
    Field(
        description='Which tensors are pruned: "all" weights of convolutions and linear layers; '
        '"conv" those of convolutions, without shortcuts and the classifier; "conv+shortcut" those '
        "of convolutions, without the classifier."
    ),
]
Recovery = Annotated[
    str,
    _named(RECOVERIES),
    _schema(RECOVERIES),
    _text(
        RECOVERIES,
        description="How a pruned network recovers, by name or by a function of your own.",
    ),
]
Schedule = Annotated[
    str,
    _named(SCHEDULES),
    _schema(SCHEDULES),
    _text(
        SCHEDULES,
        description="How many weights each level keeps, by name or by a function of your own.",
    ),
]
StrategyName = Annotated[str, AfterValidator(_check_name)]


class StrategySettings(Settings):
    """Iterative pruning, and how the network recovers from it."""

    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the surviving weights that the schedule "fraction" removes at each level, in (0, 1).
    """
    levels: Count
    """Number of pruned levels after level 0."""
    criterion: Annotated[Criterion, Later()] = "magnitude"
    scope: Annotated[Scope, Later()] = "global"
    recovery: Annotated[Recovery, Later()] = "rewind"
    learning_rate: Annotated[Rate | None, Later()] = None
    """The constant rate of "finetune" (not "rewind")."""
    steps: Annotated[StepText | None, Later()] = None
    """How long "finetune" trains a level, as in 10ep (not "rewind")."""
    schedule: Annotated[Schedule, Later()] = "fraction"

    @model_validator(mode="after")
    def _agree(self) -> "StrategySettings":
        check_settings(self)
        if self.steps is not None and Step.parse(self.steps, 1).iteration == 0:
            raise ValueError(f"steps is {self.steps}, but fine-tuning takes at least one")
        return self

    def __str__(self) -> str:
        """Return it in words, as they follow the strategy's name."""
        share = self._in_words(SCHEDULES, f"weights as {self.schedule} says")
        ranked = {"global": "globally", "layerwise": "layer by layer"}.get(self.scope, self.scope)
        recovering = self._in_words(RECOVERIES, f"recovering by {self.recovery}")
        text = f"{share} at each of {counted(self.levels, 'level')}, {ranked}"
        return f"{text}, {recovering}" if recovering else text

    def _in_words(self, registry: Registry, otherwise: str) -> str:
        """Return how the module of a choice describes it, and `otherwise` where none does."""
        module = registry.module(getattr(self, registry.kind))
        describe = getattr(module, "in_words", None)
        return otherwise if describe is None else str(describe(self))

    @property
    def code(self) -> dict[str, str]:
        """The names of user code, by the setting that chooses each."""
        chosen = {registry: getattr(self, registry.kind) for registry in REGISTRIES}
        return {
            registry.kind: name for registry, name in chosen.items() if registry.is_user_code(name)
        }

    def sources(self) -> dict[str, Path]:
        """Return the files of this code, found without running them.

        Raises ConfigError where there is none.
        """
        paths = {
            registry.kind: registry.source(getattr(self, registry.kind)) for registry in REGISTRIES
        }
        return {kind: path for kind, path in paths.items() if path is not None}


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
        return any(origin_of(each) == "rewind point" for each in self.strategies.values())

    @property
    def rewinding_step(self) -> str:
        """The step that levels go back to, of a study that has one."""
        assert self.rewind_to is not None  # `Recipe` sees to it
        return self.rewind_to


class PruneSettings(Settings):
    """How one network is pruned, outside any study."""

    keep: Annotated[float, Field(allow_inf_nan=True)] | None = None
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
