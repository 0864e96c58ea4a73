"""What is a strategy: a way to prune, and to recover from it?"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from prunescope.base.registry import Registry
from prunescope.base.settings import Count, Later, Rate, Settings
from prunescope.base.steps import Step, StepText
from prunescope.base.text import counted
from prunescope.pruning.choices import CRITERIA, RECOVERIES, REGISTRIES, SCHEDULES, Structure
from prunescope.pruning.recovery import check_settings
from prunescope.pruning.stated import Criterion, PrunedStructure, Recovery, Schedule, Scope
from prunescope.training.settings import FinetuningSchedule

_OF_FILTERS = ("magnitude", "random")
Density = Annotated[float, Field(gt=0, lt=1)]


class MaskSource(Settings):
    """Whose masks a strategy takes."""

    strategy: str
    """The strategy, by its name in the recipe."""
    replicate: Annotated[int, Field(ge=0)] | None = None
    """The replicate whose masks are taken; by default the same one."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"strategy": value} if isinstance(value, str) else value

    def __str__(self) -> str:
        of = "" if self.replicate is None else f" in replicate {self.replicate}"
        return f"{self.strategy}{of}"


class StrategySettings(Settings):
    """A way to prune level by level, and how the network recovers."""

    structure: Annotated[PrunedStructure, Later()] = "weights"
    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the surviving weights that the schedule "fraction" removes at each level, in (0, 1).
    """
    densities: Annotated[tuple[Density, ...] | None, Field(min_length=1), Later()] = None
    """Share of all prunable weights that each level keeps, falling, as in [0.5, 0.2, 0.1]; instead
    of fraction and levels."""
    levels: Count
    """Number of pruned levels after level 0; with densities, as many as these."""
    criterion: Annotated[Criterion, Later()] = "magnitude"
    scope: Annotated[Scope, Later()] = "global"
    of: Annotated[MaskSource | None, Later()] = None
    """The strategy whose masks are taken, level by level: its name, or {strategy: NAME,
    replicate: 1}."""
    score_images: Annotated[Annotated[int, Field(ge=1)] | None, Later()] = None
    """How many training images a criterion sees that scores by the loss; by default ten for each
    class."""
    allow_empty_layers: Annotated[bool, Later()] = False
    """Go on where every weight of a tensor would be removed, which is refused otherwise."""
    recovery: Annotated[Recovery, Later()] = "rewind"
    learning_rate: Annotated[Rate | None, Later()] = None
    """The rate of "finetune"."""
    steps: Annotated[StepText | None, Later()] = None
    """How long "finetune" trains a level, as in 10ep."""
    rate_schedule: Annotated[FinetuningSchedule | None, Later()] = None
    """How the rate of "finetune" goes: "constant", which is the default, or "cosine", down to 0."""
    budget: Annotated[Literal["epochs", "compute"] | None, Later()] = None
    """How long "scratch" trains a level: as many "epochs" as level 0, which is the default, or
    until the multiply-adds ("compute") are as many."""
    schedule: Annotated[Schedule, Later()] = "fraction"

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, values: Any) -> Any:
        """State what follows from other settings: levels, schedule, criterion."""
        if not isinstance(values, Mapping):
            return values
        stated = dict(values)
        densities = stated.get("densities")
        if isinstance(densities, list | tuple):
            stated = {"schedule": "densities", "levels": len(densities)} | stated
        if stated.get("structure") == "2:4":
            stated = {"levels": 1} | stated
        if stated.get("structure") == "filters":
            stated = {"scope": "layerwise"} | stated
        if stated.get("of") is not None:
            stated = {"criterion": "same"} | stated
        if stated.get("levels") is None:
            raise ValueError(
                "levels is missing: say how many (levels: 8), or which densities they have "
                "(densities: [0.5, 0.2])"
            )
        return stated

    @model_validator(mode="after")
    def _agree(self) -> "StrategySettings":
        check_settings(self)
        if self.steps is not None and Step.parse(self.steps, 1).iteration == 0:
            raise ValueError(f"steps is {self.steps}, but fine-tuning takes at least one")
        self._check_schedule()
        self._check_criterion()
        if self.structure == "2:4":
            self._check_two_four()
        check_structure(self.structure, self.criterion, self.scope)
        return self

    def _check_schedule(self) -> None:
        taken = getattr(SCHEDULES.module(self.schedule), "SETTINGS", None)
        if self.densities is None:
            if taken == ("densities",):
                raise ValueError('schedule "densities" needs densities, as in [0.5, 0.2, 0.1]')
            return
        if taken is not None and "densities" not in taken:
            raise ValueError(
                f'densities belong to schedule "densities", but schedule is "{self.schedule}"'
            )
        if self._is_stated("fraction"):
            raise ValueError("fraction and densities both say how many weights are left: give one")
        if self.levels != len(self.densities):
            raise ValueError(
                f"levels is {self.levels}, but densities are {len(self.densities)}: leave levels "
                "out"
            )
        for before, after in pairwise(self.densities):
            if after >= before:
                raise ValueError(
                    f"densities do not fall: {after} comes after {before}, but each level keeps "
                    "fewer weights than the one before"
                )

    def _check_criterion(self) -> None:
        takes_masks = CRITERIA.stated(self.criterion, "TAKES_MASKS") is True
        if takes_masks and self.of is None:
            raise ValueError(
                f'criterion "{self.criterion}" takes the masks of another strategy: name it as of'
            )
        if self.of is not None and not takes_masks:
            raise ValueError(
                f'of takes the masks of {self.of}, but criterion is "{self.criterion}": leave out '
                'criterion, or permute them by "shuffled"'
            )
        if self.of is not None:
            others = ("structure", "fraction", "densities", "scope", "schedule")
            stated = [name for name in others if self._is_stated(name)]
            if stated:
                raise ValueError(
                    f"{' and '.join(stated)} would say which weights survive, but of takes the "
                    f"masks of {self.of}: give one"
                )
        sees_images = CRITERIA.stated(self.criterion, "SEES_IMAGES") is True
        is_ours = not CRITERIA.is_user_code(self.criterion)
        if self.score_images is not None and is_ours and not sees_images:
            raise ValueError(
                f'score_images is for criteria that see images, but criterion is "{self.criterion}"'
            )

    def _check_two_four(self) -> None:
        others = ("fraction", "densities", "scope", "schedule")
        stated = [name for name in others if self._is_stated(name)]
        if stated:
            raise ValueError(
                f'{" and ".join(stated)} would say how many weights are left, but structure "2:4" '
                "keeps two of each four: leave out"
            )
        if self.levels != 1:
            raise ValueError(
                f'levels is {self.levels}, but structure "2:4" prunes once: leave out levels'
            )

    def _is_stated(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Let levels be left out where they follow, and the name alone stand for `of`."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        schema["properties"]["of"]["anyOf"].insert(0, {"type": "string"})
        schema["required"] = [name for name in schema["required"] if name != "levels"]
        two_four = {"properties": {"structure": {"const": "2:4"}}, "required": ["structure"]}
        schema["anyOf"] = [{"required": ["levels"]}, {"required": ["densities"]}, two_four]
        return schema

    def __str__(self) -> str:
        """Return it in words, as they follow the strategy's name."""
        parts = [self._selection_in_words]
        parts.append(self._in_words(RECOVERIES, f"recovering by {self.recovery}"))
        return ", ".join(filter(None, parts))

    @property
    def _selection_in_words(self) -> str:
        if self.of is not None:
            shuffled = "" if self.criterion == "same" else f" {self.criterion}"
            return f"the masks of {self.of}{shuffled} at {counted(self.levels, 'level')}"
        if self.structure == "2:4":
            return "two of each four weights"
        if self.structure == "filters":
            return self._ranked.replace("weights", "filters")
        return self._ranked

    @property
    def _ranked(self) -> str:
        share = self._in_words(SCHEDULES, f"weights as {self.schedule} says")
        ranked = {"global": "globally", "layerwise": "layer by layer"}.get(self.scope, self.scope)
        return f"{share}, {ranked}"

    def _in_words(self, registry: Registry, otherwise: str) -> str:
        """Return how the module of a choice describes it, and `otherwise` where none does."""
        module = registry.module(getattr(self, registry.kind))
        describe = getattr(module, "in_words", None)
        return otherwise if describe is None else str(describe(self))

    def for_levels(self) -> Callable[[int], dict[str, Any]]:
        """Return a function that says what of these settings enters the key of a level.

        Whose masks it takes is known by its inputs; how many levels there are changes none.
        """
        settings = self.for_key()
        for name in ("levels", "of"):
            settings.pop(name, None)
        module: Any = SCHEDULES.module(self.schedule)
        if not hasattr(module, "for_key"):
            return lambda _level: settings
        common = {name: settings[name] for name in settings if name not in module.SETTINGS}
        return lambda level: common | module.for_key(self, level)

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


def check_structure(structure: Structure, criterion: str, scope: str) -> None:
    """Raise ValueError where a structure cannot be chosen by a criterion or within a scope."""
    if structure == "filters" and criterion not in _OF_FILTERS:
        raise ValueError(
            f'criterion is "{criterion}", which scores single weights, but structure is '
            f'"filters": take {" or ".join(_OF_FILTERS)}'
        )
    if structure == "filters" and scope == "erk":
        raise ValueError(
            'scope is "erk", which goes by the shapes of kernels, but structure is "filters": take '
            "global or layerwise"
        )
    if structure == "2:4" and CRITERIA.stated(criterion, "ROUNDS"):
        raise ValueError(
            f'criterion is "{criterion}", which removes weights in rounds, but structure "2:4" '
            "prunes at once: take another"
        )
