"""What can be said about pruning, in a recipe and for one network?"""

import re
from typing import Annotated, Any, TypedDict

from pydantic import AfterValidator, Field, field_validator, model_validator

from prunescope.base.errors import nearest
from prunescope.base.settings import Later, Settings
from prunescope.base.steps import StepText
from prunescope.base.text import counted, on_one_line, shortened
from prunescope.pruning.choices import PrunableConvention, Structure
from prunescope.pruning.patterns import Prunable, PrunablePatterns
from prunescope.pruning.recovery import origin_of
from prunescope.pruning.stated import Criterion, PrunedStructure, Scope
from prunescope.pruning.strategy import MaskSource, StrategySettings, check_structure
from prunescope.results.layout import DENSE, is_reserved, twin_name

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


StrategyName = Annotated[str, AfterValidator(_check_name)]


class PruningSettings(Settings):
    """What all strategies of a study share, and the strategies by name."""

    prunable: Prunable = "all"
    """Which tensors are pruned: those of a name that `prune` takes ("all", "conv",
    "conv+shortcut"), or {include: [...], exclude: [...]}, patterns of their names."""
    twins: Annotated[Annotated[int, Field(ge=0, le=100)], Later()] = 0
    """How many dense twins each replicate has: level 0 trained again from the rewind point, in
    another order of images and with another augmentation. They show how much two equally good
    networks differ (the noise ceiling)."""
    rewind_to: StepText | None = None
    """The rewind point: the step to which rewound levels go back; "0it" is the original lottery
    ticket. It may be left out only where a study starts from given weights and rewinds no level."""
    strategies: Annotated[dict[StrategyName, StrategySettings], Field(min_length=1)]
    """Ways to prune and recover, by names of your own; all share level 0."""

    def structure_of(self, name: str) -> Structure:
        """Return what a strategy removes: what the one does whose masks it takes, if any."""
        strategy = self.strategies[name]
        return (
            strategy.structure if strategy.of is None else self.structure_of(strategy.of.strategy)
        )

    def check_sources(self, replicates: int) -> None:
        """Raise ValueError where a strategy takes masks that there are not."""
        for name, strategy in self.strategies.items():
            if strategy.of is not None:
                self._check_source(name, strategy, strategy.of, replicates)

    def _check_source(
        self, name: str, strategy: StrategySettings, of: MaskSource, replicates: int
    ) -> None:
        where = f"pruning.strategies.{name}"
        source = self.strategies.get(of.strategy)
        if source is None:
            others = [other for other in self.strategies if other != name]
            hint = nearest(of.strategy, others)
            raise ValueError(
                f'{where}: of names "{on_one_line(shortened(of.strategy))}", which is no strategy '
                f"of the study{hint}; it has {', '.join(others) or 'no other'}"
            )
        if of.replicate is not None and of.replicate >= replicates:
            raise ValueError(
                f"{where}: of takes the masks of replicate {of.replicate}, but the study has "
                f"{counted(replicates, 'replicate')}, from 0 on"
            )
        passed = [name]
        while source.of is not None:
            passed.append(source.of.strategy)
            if passed[-1] not in self.strategies or len(passed) > len(self.strategies):
                break
            source = self.strategies[passed[-1]]
        if source.of is not None and passed[-1] in self.strategies:
            raise ValueError(
                f"{where}: of leads in a circle ({name} of {of.strategy} of ...), so that no "
                "strategy chooses the masks"
            )
        if strategy.levels > self.strategies[of.strategy].levels:
            raise ValueError(
                f"{where} has {counted(strategy.levels, 'level')}, but {of.strategy}, whose masks "
                f"it takes, has {self.strategies[of.strategy].levels}"
            )

    @property
    def prunable_for_key(self) -> Any:
        """What the keys of levels hold of `prunable`."""
        patterns = self.prunable
        return patterns.for_key() if isinstance(patterns, PrunablePatterns) else patterns

    @property
    def twin_names(self) -> tuple[str, ...]:
        """What the dense twins of a replicate are called."""
        return tuple(twin_name(number) for number in range(1, self.twins + 1))

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
    structure: PrunedStructure = "weights"
    criterion: Criterion = "magnitude"
    scope: Scope = "global"
    prunable: PrunableConvention = "all"
    """Which tensors are pruned: "all" weights of convolutions and linear layers; "conv" those of
    convolutions, without shortcuts and the classifier; "conv+shortcut" those of convolutions,
    without the classifier."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The seed of the random criterion."""

    @field_validator("keep")
    @classmethod
    def _is_share(cls, keep: float | None) -> float | None:
        if keep is not None and not 0 < keep <= 1:
            raise ValueError(f"keep is {keep}, but must lie in (0, 1]")
        return keep

    @model_validator(mode="after")
    def _agree(self) -> "PruneSettings":
        if self.structure == "2:4" and self.keep is not None:
            raise ValueError(
                f'keep is {self.keep}, but structure "2:4" keeps two of each four weights: leave '
                "out keep"
            )
        if self.structure == "2:4" and self.scope != "global":
            raise ValueError(
                f'scope is "{self.scope}", but structure "2:4" keeps two of each four weights: '
                "leave out scope"
            )
        check_structure(self.structure, self.criterion, self.scope)
        return self

    @property
    def prunes(self) -> bool:
        """Whether they say that weights go."""
        return self.keep is not None or self.structure != "weights"


class PruneOptions(TypedDict, total=False):
    """The settings by which one network is pruned, as a function takes them by keyword."""

    structure: Structure
    criterion: str
    scope: str
    prunable: PrunableConvention
    seed: int
