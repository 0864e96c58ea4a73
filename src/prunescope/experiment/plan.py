"""What must a study make, from what, and under which keys?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from prunescope.base.files import fingerprint, hash_file
from prunescope.base.seeding import derive_seed
from prunescope.experiment.sources import Sources
from prunescope.experiment.start import rewinding_identity, start_identity
from prunescope.networks.registry import factory_source
from prunescope.pruning.choices import CRITERIA
from prunescope.pruning.settings import StrategySettings
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import (
    DENSE,
    FIGURES,
    REPORT,
    TABLES,
    LevelKey,
    layer_path,
    rewind_path,
)

Kind = Literal["rewind", "level", "dissection", "tables", "figures", "report"]

_VERSIONS: dict[Kind, int] = {
    "rewind": 2,
    "level": 2,
    "dissection": 4,
    "tables": 1,
    "figures": 2,
    "report": 2,
}
"""Raised when the same settings and inputs come to give other numbers."""

_CHANCE_VERSION = 2
"""Likewise, of what only dissections with draws of chance hold."""

_OF_NO_DISSECTION_KEY = ("layers", "memory")
"""Each layer has a key of its own, and memory changes no number."""

_OF_TRAINING = ("train_split", "resolution", "mean", "std")
"""The settings of the photographs that training depends on, beside their content."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What a replicate's levels go back to: the network at the rewinding step, and the seed.

    artifact: None where a study starts from given weights and rewinds no level.
    """

    replicate: int
    seed: int
    artifact: Artifact | None

    @property
    def title(self) -> str:
        """How a person calls it."""
        return f"replicate {self.replicate}, up to the rewinding step"


@dataclass(frozen=True, kw_only=True)
class Level:
    """One trained level of one strategy; level 0 is unpruned and shared by all strategies.

    previous: the level whose weights are pruned to get this one; None at level 0.
    dissections: the artifact of each layer.
    """

    moment: Moment
    strategy: str
    level: int
    previous: "Level | None"
    artifact: Artifact
    dissections: dict[str, Artifact]

    @property
    def replicate(self) -> int:
        """Number of the training this level belongs to, from 0."""
        return self.moment.replicate

    @property
    def title(self) -> str:
        """How a person calls it."""
        place = f"replicate {self.replicate}"
        return f"{place}, level {self.level}" + ("" if self.level == 0 else f" of {self.strategy}")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One piece of work: the artifacts it makes, in one go, and the stages it needs for that."""

    kind: Kind
    title: str
    artifacts: tuple[Artifact, ...]
    after: tuple[str, ...]
    subject: Moment | Level | None = None

    @property
    def name(self) -> str:
        """Return what no other stage of the study is called."""
        return self.title


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All stages of a study, each after those it needs."""

    levels: tuple[Level, ...]
    stages: tuple[Stage, ...]
    tables: Artifact

    @property
    def artifacts(self) -> list[Artifact]:
        """Return every artifact the study consists of."""
        return [artifact for stage in self.stages for artifact in stage.artifacts]


def plan_study(study: Recipe, sources: Sources) -> Plan:
    """Lay out a study: the same study on the same data always gives the same keys."""
    levels: list[Level] = []
    stages: list[Stage] = []
    for replicate in range(study.replicates):
        moment = _moment(study, sources, replicate)
        if moment.artifact is not None:
            stages.append(_moment_stage(moment, moment.artifact))
        for level in _levels(study, sources, moment):
            levels.append(level)
            stages.extend(_level_stages(level))
    tables, figures, report = _result_stages(study, levels)
    return Plan(
        levels=tuple(levels),
        stages=(*stages, tables, figures, report),
        tables=tables.artifacts[0],
    )


def replicate_seed(study: Recipe, replicate: int) -> int:
    """Return the seed from which a replicate's weights, order and augmentation come."""
    return derive_seed(study.seed, "replicate", replicate)


def _key(kind: Kind, settings: dict[str, Any], inputs: list[Artifact]) -> str:
    return fingerprint(
        {
            "kind": kind,
            "version": _VERSIONS[kind],
            "settings": settings,
            "inputs": [artifact.key for artifact in inputs],
        }
    )


def _network_and_data(study: Recipe, sources: Sources) -> dict[str, Any]:
    """Return what any network of the study depends on, by name."""
    settings = {
        "network": study.network,
        "data": {key: own for key, own in study.data.for_key().items() if key in _OF_TRAINING},
        "content": sources.data_fingerprint,
    }
    source = factory_source(study.network)
    if source is not None:
        settings["network_source"] = hash_file(source)
    return settings


def _moment(study: Recipe, sources: Sources, replicate: int) -> Moment:
    seed = replicate_seed(study, replicate)
    settings = _network_and_data(study, sources)
    if study.start is None:
        settings |= {
            "training": study.training.for_key(),
            "rewind_to": study.pruning.rewind_to,
            "seed": seed,
        }
    elif study.start.rewind_weights is not None:
        settings |= rewinding_identity(study.start)
    else:
        return Moment(replicate=replicate, seed=seed, artifact=None)
    artifact = Artifact(path=rewind_path(replicate), key=_key("rewind", settings, []))
    return Moment(replicate=replicate, seed=seed, artifact=artifact)


def _levels(study: Recipe, sources: Sources, moment: Moment) -> Iterator[Level]:
    shared: dict[str, Any] = {
        "prunable": study.pruning.prunable,
        "test_split": study.data.test_split,
    }
    if study.data.evaluation is not None:
        shared["evaluation"] = study.data.evaluation.for_key()
    own = _given(study, sources)
    dense = _level(study, sources, moment, DENSE, None, shared | own)
    yield dense
    for name, strategy in study.pruning.strategies.items():
        previous = dense
        rule = {key: own for key, own in strategy.for_key().items() if key != "levels"}
        source = CRITERIA.source(strategy.criterion)
        if source is not None:
            rule["criterion_source"] = hash_file(source)
        settings = shared | rule | _course(study, moment, strategy)
        for _ in range(strategy.levels):
            previous = _level(study, sources, moment, name, previous, settings)
            yield previous


def _given(study: Recipe, sources: Sources) -> dict[str, Any]:
    """Return what a level 0 of given weights depends on; nothing where it is trained."""
    if study.start is None:
        return {}
    training = study.training
    return {
        **_network_and_data(study, sources),
        **start_identity(study.start),
        "precision": training.precision,
        "channels_last": training.channels_last,
    }


def _course(study: Recipe, moment: Moment, strategy: StrategySettings) -> dict[str, Any]:
    """Return what the training of a pruned level depends on, beside the levels it is made from."""
    if study.start is None:
        return {}  # all of it is in the key of the moment
    course = {"training": study.training.for_key(), "seed": moment.seed}
    if strategy.recovery == "rewind":
        course["rewind_to"] = study.pruning.rewind_to
    return course


def _level(
    study: Recipe,
    sources: Sources,
    moment: Moment,
    strategy: str,
    previous: Level | None,
    settings: dict[str, Any],
) -> Level:
    number = 0 if previous is None else previous.level + 1
    key = LevelKey(replicate=moment.replicate, strategy=strategy, level=number)
    rewound = study.start is None or _rewinds(study, strategy)
    inputs = [moment.artifact] if rewound and moment.artifact else []
    inputs += [previous.artifact] if previous else []
    artifact = Artifact(path=key.path, key=_key("level", settings, inputs))
    common = {
        "concepts": sources.concepts_fingerprint,
        **{
            key: own
            for key, own in study.dissection.for_key().items()
            if key not in _OF_NO_DISSECTION_KEY
        },
        **({"chance": _CHANCE_VERSION} if study.dissection.null else {}),
    }
    dissections = {
        layer: Artifact(
            path=layer_path(artifact.path, layer),
            key=_key("dissection", {**common, "layer": layer}, [artifact]),
        )
        for layer in study.dissection.layers
    }
    return Level(
        moment=moment,
        strategy=strategy,
        level=number,
        previous=previous,
        artifact=artifact,
        dissections=dissections,
    )


def _rewinds(study: Recipe, strategy: str) -> bool:
    return strategy != DENSE and study.pruning.strategies[strategy].recovery == "rewind"


def _moment_stage(moment: Moment, artifact: Artifact) -> Stage:
    return Stage(kind="rewind", title=moment.title, artifacts=(artifact,), after=(), subject=moment)


def _level_stages(level: Level) -> Iterator[Stage]:
    needed = [level.previous.title] if level.previous else []
    needed += [level.moment.title] if level.moment.artifact else []
    yield Stage(
        kind="level",
        title=level.title,
        artifacts=(level.artifact,),
        after=tuple(needed),
        subject=level,
    )
    yield Stage(
        kind="dissection",
        title=f"dissecting {level.title}",
        artifacts=tuple(level.dissections.values()),
        after=(level.title,),
        subject=level,
    )


def _result_stages(study: Recipe, levels: list[Level]) -> Iterator[Stage]:
    places = {"levels": [level.artifact.path for level in levels]}
    words = {**places, "name": study.name, "facts": study.facts}
    inputs = [artifact for level in levels for artifact in level.dissections.values()]
    dissections = tuple(f"dissecting {level.title}" for level in levels)
    tables = Artifact(path=TABLES, key=_key("tables", places, inputs), derived=True)
    yield Stage(kind="tables", title="tables", artifacts=(tables,), after=dissections)
    figures = Artifact(path=FIGURES, key=_key("figures", places, [tables]), derived=True)
    yield Stage(kind="figures", title="figures", artifacts=(figures,), after=("tables",))
    report = Artifact(path=REPORT, key=_key("report", words, [tables]), derived=True)
    yield Stage(kind="report", title="report", artifacts=(report,), after=("tables",))
