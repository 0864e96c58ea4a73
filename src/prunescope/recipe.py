"""What does a recipe say of a study, and how is it read and written?"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import model_validator

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.images import Arithmetic
from prunescope.base.paths import absolute
from prunescope.base.recipes import plain_values, read_plain
from prunescope.base.settings import Count, Later, RunName, Seed, Settings
from prunescope.base.text import counted, shortened
from prunescope.concepts.naming import title_of, with_paths
from prunescope.data.settings import DataSettings
from prunescope.dissection.settings import ConceptSettings, DissectionSettings
from prunescope.pruning.choices import CRITERIA, RECOVERIES
from prunescope.pruning.recovery import origin_of
from prunescope.pruning.settings import PruningSettings
from prunescope.pruning.strategy import StrategySettings
from prunescope.report.settings import FigureSettings
from prunescope.results.layout import STUDY
from prunescope.statistics.settings import ResamplingSettings, VerdictSettings
from prunescope.training.settings import TrainingSettings

_SHIPPED = Path(__file__).parent / "recipes"
_MOST_LEVELS = 10_000


class SeedSettings(Settings):
    """Seeds of single purposes, so that "the same start, another order" can be said.

    Replicates differ in each of them all the same.
    """

    init: Seed | None = None
    """Of new weights, and of which weights a random criterion prunes; by default `seed`."""
    order: Seed | None = None
    """Of the order in which an epoch shows the images; by default `seed`."""
    augmentation: Seed | None = None
    """Of how images are altered, and of what the network itself draws; by default `seed`."""


class StartSettings(Settings):
    """Your own weights, which are level 0 as they are, dense or pruned, instead of a training."""

    weights: str
    """A file in any form that `prune` reads, or a level of a run. Where they are pruned, with a
    mask in the file or beside it, every level stays inside it."""
    rewind_weights: str | None = None
    """The same network at the step `pruning.rewind_to`, for strategies that rewind."""
    key: Annotated[str | None, Later()] = None
    """Which network of a file of `weights` that holds several ("state_dict_ema")."""
    rewind_key: Annotated[str | None, Later()] = None
    """Which network of a file of `rewind_weights` that holds several."""
    infer_mask: Annotated[bool, Later()] = False
    """Take prunable weights of zero for pruned; without it, zeros that no mask marks as pruned are
    refused where they are more than chance leaves."""


class ResourceSettings(Settings):
    """How many processes share a training, an evaluation or a dissection, on one machine.

    Numbers may differ in their last bits from those of another number of processes; what is
    finished stays.
    """

    gpus: Count = 1
    """Of one stage, each with a process of its own; more stages run beside it where there are
    more."""
    processes: Count | None = None
    """Where there are no GPUs; by default as many as `gpus`."""

    @property
    def count(self) -> int:
        """How many processes there are."""
        return self.processes or self.gpus


class Recipe(Settings):
    """Replicates x levels x strategies of one network on one data set, and their dissection."""

    name: RunName
    """The name of the study and of its folder under runs/: it holds no slash and no control
    character, begins with no dot, and has at most 200 bytes."""
    network: str
    """torchvision:NAME, timm:NAME, cifar_resnet20, plain_cnn, or
    package.module:factory."""
    data: DataSettings
    """The labelled photographs."""
    training: TrainingSettings
    """How level 0 is trained, and every level after it was pruned."""
    pruning: PruningSettings
    """What all strategies share, and the strategies."""
    concepts: ConceptSettings
    """The pictures that every level is dissected on."""
    dissection: DissectionSettings
    """Which layers are dissected, and how."""
    verdict: Annotated[VerdictSettings, Later()] = VerdictSettings()
    """When pruning counts as harmless, helpful or harmful to what a network sees."""
    figures: Annotated[FigureSettings, Later()] = FigureSettings()
    """How figures show replicates."""
    resampling: Annotated[ResamplingSettings, Later()] = ResamplingSettings()
    """How the pictures are drawn anew from the saved counts, for the intervals in the tables."""
    replicates: Count = 1
    """Number of trainings that differ in their seed alone."""
    seed: Seed = 0
    """The seed from which those of all replicates follow."""
    seeds: SeedSettings | None = None
    """Seeds of single purposes, where they shall not follow `seed`."""
    start: StartSettings | None = None
    """Weights of your own that are level 0; by default it is trained."""

    resources: Annotated[ResourceSettings | None, Later()] = None
    """How many processes share each stage; by default one performs it."""

    @model_validator(mode="after")
    def _agree(self) -> "Recipe":
        if self.start is None and self.pruning.rewind_to is None:
            raise ValueError('pruning.rewind_to is missing: a step such as "1ep"')
        if self.start is not None:
            _check_start(self.start, self.pruning, self.training)
        self.pruning.check_sources(self.replicates)
        if self.level_count > _MOST_LEVELS:
            raise ValueError(
                f"{counted(self.replicates, 'replicate')} of the levels of all strategies and "
                f"level 0 are {self.level_count:,} levels, but a study may have {_MOST_LEVELS:,}: "
                "state fewer replicates, strategies or levels"
            )
        return self

    @property
    def sharing(self) -> ResourceSettings:
        """How many processes share each stage."""
        return self.resources or ResourceSettings()

    @property
    def level_count(self) -> int:
        """How many levels there are in all, level 0 of each replicate and its twins among them."""
        pruned = sum(strategy.levels for strategy in self.pruning.strategies.values())
        return self.replicates * (1 + self.pruning.twins + pruned)

    @property
    def most_levels(self) -> int:
        """The number of the last level of the longest strategy."""
        return max(strategy.levels for strategy in self.pruning.strategies.values())

    @property
    def evaluation_arithmetic(self) -> Arithmetic:
        """By which arithmetic levels are measured: that of the dissection, if in float32."""
        return "plain" if self.training.precision == "bf16" else self.dissection.arithmetic

    def to_yaml(self) -> str:
        """Write the study as a recipe: every setting stated, in one fixed order."""
        values = self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)

    @property
    def facts(self) -> dict[str, str]:
        """What the study is, in words that do not depend on where its folders are."""
        training, pruning = self.training, self.pruning
        strategies = ", ".join(f"{name}: {each}" for name, each in pruning.strategies.items())
        trained = f"to {training.to} in batches of {training.batch_size}"
        if self.start is not None:
            trained = (
                f"from {Path(self.start.weights).name} on, in batches of {training.batch_size}"
            )
        choosing = [each for each in pruning.strategies.values() if each.of is None]
        criteria = dict.fromkeys(each.criterion for each in choosing)
        by = f"by {' or '.join(criteria)}"
        rewound = f", rewound to {pruning.rewind_to}" if pruning.rewinds else ""
        return {
            "Network": self.network,
            "Replicates": str(self.replicates),
            "Trained on": f"{Path(self.data.source).name}, {trained}",
            "Pruned": f"{strategies} ({by}, {pruning.prunable}){rewound}",
            "Dissected on": title_of(self.concepts.source),
            **({} if self.dissection.basis is None else {"Dissected along": self.dissection.along}),
        }

    def placeless(self) -> "Recipe":
        """Return the study with the last parts of the local paths in it alone."""
        return self._with_places(_name, data=_name(self.data.source))

    def anchored(self) -> "Recipe":
        """Return the study with the local paths in it made absolute."""
        data = self.data.source
        is_here = Path(data).expanduser().exists()
        return self._with_places(absolute, data=absolute(data) if is_here else data)

    def _with_places(self, change: Callable[[str], str], *, data: str) -> "Recipe":
        """Return the study with its local paths changed. data: where its images lie then."""
        concepts = {"source": with_paths(self.concepts.source, change)}
        start, dissection = self.start, self.dissection
        if start is not None:
            paths = {"weights": start.weights, "rewind_weights": start.rewind_weights}
            changed = {name: path and change(path) for name, path in paths.items()}
            start = start.model_copy(update=changed)
        if (basis := dissection.basis_file) is not None:
            dissection = dissection.model_copy(update={"basis": change(str(basis))})
        return self.model_copy(
            update={
                "data": self.data.model_copy(update={"source": data}),
                "concepts": self.concepts.model_copy(update=concepts),
                "dissection": dissection,
                "start": start,
            }
        )


def _name(path: str) -> str:
    return Path(path).name


def _check_start(
    start: StartSettings, pruning: PruningSettings, training: TrainingSettings
) -> None:
    origins = {name: origin_of(strategy) for name, strategy in pruning.strategies.items()}
    names = [name for name, origin in origins.items() if origin == "rewind point"]
    if names and start.rewind_weights is None:
        raise ValueError(
            f"pruning.strategies.{names[0]} rewinds, but start gives no weights to rewind to: give "
            "start.rewind_weights, the network as it was at pruning.rewind_to, or recovery: "
            "finetune with a learning_rate and steps"
        )
    for name, strategy in pruning.strategies.items():
        _check_start_of(name, strategy, start, pruning)
    if pruning.twins and start.rewind_weights is None:
        raise ValueError(
            f"pruning.twins is {pruning.twins}, but the study has no rewind point from which twins "
            "are trained: give start.rewind_weights, or no twins"
        )
    if names and pruning.rewind_to is None:
        raise ValueError(
            "pruning.rewind_to is missing: the step at which start.rewind_weights were saved"
        )
    uses_point = pruning.twins or any(
        CRITERIA.stated(strategy.criterion, "SINGLE_SHOT")
        for strategy in pruning.strategies.values()
    )
    is_rewound = set(origins.values()) & {"rewind point", None}
    if start.rewind_weights is not None and not is_rewound and not uses_point:
        raise ValueError("start.rewind_weights are for strategies that rewind, but there is none")
    if start.rewind_key is not None and start.rewind_weights is None:
        raise ValueError("start.rewind_key is for start.rewind_weights, but there are none")
    if training.zero_last_gamma:
        raise ValueError(
            "training.zero_last_gamma is for weights drawn at random, but start gives weights"
        )


def _check_start_of(
    name: str, strategy: StrategySettings, start: StartSettings, pruning: PruningSettings
) -> None:
    if start.rewind_weights is None and CRITERIA.stated(strategy.criterion, "SINGLE_SHOT"):
        raise ValueError(
            f'pruning.strategies.{name}: criterion "{strategy.criterion}" scores the network at '
            "the rewind point, but start gives none: give start.rewind_weights"
        )
    if pruning.rewind_to is None and RECOVERIES.stated(strategy.recovery, "FROM_REWIND_STEP"):
        raise ValueError(
            f'pruning.strategies.{name}: recovery "{strategy.recovery}" runs the schedule from '
            "pruning.rewind_to on, which is missing"
        )


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a recipe, by which an editor completes and checks.

    Every setting has its type, its bounds, its default and the text of its docstring; unknown keys
    are errors. What ties settings to each other is checked when a recipe is loaded, not here.
    """
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Recipe"}
    return dialect | {k: v for k, v in Recipe.model_json_schema().items() if k != "title"}


def load_recipe(recipe: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, as `read_recipe` takes it, and check it.

    overrides: "a.b=c" sets one value, c read as YAML. Raises ConfigError naming the recipe, the
    key, and the nearest valid one.
    """
    return Recipe.validate_from(overridden(read_recipe(recipe), overrides), str(recipe))


def read_recipe(recipe: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a recipe, unchecked: a file, a shipped recipe, or a mapping.

    The name of a shipped recipe means that recipe unless a file has that name; a folder of that
    name, such as an earlier run's, does not count. Raises ConfigError where there is none.
    """
    if isinstance(recipe, Mapping):
        return deepcopy(dict(recipe))
    path = Path(recipe)
    if path.is_file():
        return _read_file(path)
    shipped = {file.stem: file for file in _SHIPPED.glob("*.yaml")}
    if str(recipe) in shipped:
        return _read_file(shipped[str(recipe)])
    if (path / STUDY).is_file():
        raise ConfigError(
            f"{recipe} is a run folder, not a recipe: to go on with that run, give its recipe, "
            f"{path / STUDY}, and --out {recipe}"
        )
    if path.is_dir():
        raise ConfigError(f"{recipe} is a folder, not a recipe: give a YAML file in it")
    if not path.exists() and not path.suffix:
        names = ", ".join(sorted(shipped))
        hint = nearest(str(recipe), shipped)
        raise ConfigError(f'there is no recipe "{recipe}"{hint}: give a file, or one of {names}')
    return _read_file(path)


def overridden(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return plain values with overrides: "a.b=c" sets one, c read as YAML.

    Raises ConfigError for an override that is not of this form, or leads through a value.
    """
    changed = deepcopy(values)
    for override in overrides:
        _override(changed, override)
    return changed


def shipped_recipe(name: str) -> Recipe:
    """Return a recipe that comes with Prunescope, by name, whatever else has that name here."""
    return load_recipe(_SHIPPED / f"{name}.yaml")


def _read_file(recipe: Path) -> dict[str, Any]:
    values = read_plain(recipe)
    if not isinstance(values, dict):
        raise ConfigError(f"{recipe} holds no settings: a recipe is a YAML mapping")
    return values


def _override(values: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    *parents, key = path.strip().split(".")
    where = f"--set {shortened(override)}"
    if not equals or not key:
        raise ConfigError(f'{where}: write it as "a.b=c"')
    for depth, parent in enumerate(parents, start=1):
        if values.get(parent) is None:
            values[parent] = {}
        values = values[parent]
        if not isinstance(values, dict):
            name = ".".join(parents[:depth])
            advice = f"; give all of it, as in {name}=[a,b]" if isinstance(values, list) else ""
            raise ConfigError(f"{where}: {name} is a value and holds no settings{advice}")
    values[key] = plain_values(text, f"{where}: {shortened(text)}")
