"""What must a study make, from what, and in which order?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TypeVar, cast

from typing_extensions import Protocol, runtime_checkable

from prunescope.base.registry import Registry
from prunescope.experiment.facts import StudyFacts
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import PlannedStudy, Stage
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact

S = TypeVar("S", bound=Stage)
STAGES = Registry(
    kind="kind of stage", package="prunescope.experiment.stages", function="stages_of"
)


@runtime_checkable
class Kind(Protocol):
    """What every module of `experiment/stages` has."""

    AFTER: Sequence[str]
    """The modules whose stages come before those of this one, as their inputs do."""

    stages_of: Callable[["Plan"], Iterator[Stage]]
    """Yields the stages of its kind, given a plan that holds those it comes after."""


@dataclass(frozen=True)
class Plan:
    """Stages of a study, each after those it needs."""

    study: PlannedStudy
    stages: tuple[Stage, ...] = ()

    def of(self, kind: type[S]) -> tuple[S, ...]:
        """Return the stages of a class."""
        return tuple(stage for stage in self.stages if isinstance(stage, kind))

    def of_derived(self) -> tuple[Stage, ...]:
        """Return the stages that are made of all others."""
        return tuple(stage for stage in self.stages if stage.derived)

    def named(self, title: str) -> Stage:
        """Return the stage with a title."""
        return self._by_title[title]

    @cached_property
    def _by_title(self) -> dict[str, Stage]:
        return {stage.title: stage for stage in self.stages}

    @property
    def levels(self) -> tuple[LevelStage, ...]:
        """Return the levels."""
        return self.of(LevelStage)

    @property
    def artifacts(self) -> list[Artifact]:
        """Return every artifact the study consists of."""
        return [artifact for stage in self.stages for artifact in stage.artifacts]

    def with_inputs(self, chosen: Sequence[Stage]) -> "Plan":
        """Return the plan of some stages and of all that they need."""
        needed: set[str] = set()
        waiting = list(chosen)
        while waiting:
            stage = waiting.pop()
            if stage.title not in needed:
                needed.add(stage.title)
                waiting.extend(stage.inputs)
        return Plan(self.study, tuple(stage for stage in self.stages if stage.title in needed))


def plan_study(recipe: Recipe, facts: StudyFacts) -> Plan:
    """Lay out a study: the same study on the same data always gives the same keys."""
    plan = Plan(PlannedStudy(recipe=recipe, facts=facts))
    for kind in kinds():
        plan = Plan(plan.study, (*plan.stages, *kind.stages_of(plan)))
    in_order = sorted(plan.stages, key=attrgetter("position"))  # of one position: as the kinds
    return Plan(plan.study, tuple(in_order))


def plan_results(plan: Plan, is_done: Callable[[Stage], bool]) -> Plan:
    """Return the tables, figures and page of those stages of a plan that are done.

    Empty where these are too few for a table.
    """
    shown = Plan(plan.study, tuple(s for s in plan.stages if not s.derived and is_done(s)))
    derived = {type(stage).__module__ for stage in plan.of_derived()}
    for kind in kinds():
        if kind.stages_of.__module__ in derived:
            shown = Plan(plan.study, (*shown.stages, *kind.stages_of(shown)))
    return Plan(plan.study, shown.of_derived())


def kinds() -> list[Kind]:
    """Return the kinds of stages in the order that they state."""
    modules = {name: cast("Kind", STAGES.module(name)) for name in STAGES.names}
    ordered: list[str] = []
    while len(ordered) < len(modules):
        ready = [
            name
            for name in modules
            if name not in ordered and set(modules[name].AFTER) <= set(ordered)
        ]
        if not ready:
            waiting = ", ".join(name for name in modules if name not in ordered)
            raise ValueError(f"no order satisfies the kinds of stages {waiting}")
        ordered += ready
    return [modules[name] for name in ordered]
