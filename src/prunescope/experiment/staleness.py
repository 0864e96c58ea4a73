"""What of a run was made by an earlier version or under other settings, and what makes it anew?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from prunescope.base.text import counted
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.plan import Plan
from prunescope.experiment.stage import Stage
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import STUDY
from prunescope.results.store import Store


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Stages whose place holds what they no longer make: it has another key.

    titles: of the stages. paths: of what lies there, as `Artifact.title` has it.
    advice: which command makes it anew, and whether that trains.
    """

    titles: tuple[str, ...]
    paths: tuple[str, ...]
    advice: str

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.titles)

    def __str__(self) -> str:
        """Say what it is, and what to do."""
        first, *others = self.titles
        more = f" and {counted(len(others), 'more stage')}" if others else ""
        return (
            f"{first}{more} were made by an earlier version of Prunescope or under other settings: "
            f"{self.advice}"
        )


def find_stale(plan: Plan, store: Store, left: Collection[Artifact]) -> Stale:
    """Return what of a plan is stale; tables, figures and page, made in no time, do not count.

    left: its artifacts that are not finished, or lack files.
    """
    lacking = set(left)
    stages = [
        stage
        for stage in plan.stages
        if not stage.derived and not lacking.isdisjoint(stage.artifacts)
    ]
    found = [stage for stage in stages if any(store.is_stale(each) for each in stage.artifacts)]
    again = f"`prunescope run {store.root / STUDY} --out {store.root}` makes them anew"
    trains = any(_trains(stage) for stage in stages)
    return Stale(
        titles=tuple(stage.title for stage in found),
        paths=tuple(each.title for stage in found for each in stage.artifacts),
        advice=again if trains else f"{again}, and trains nothing",
    )


def _trains(stage: Stage) -> bool:
    return isinstance(stage, LevelStage | RewindPointStage)


def without(paths: Sequence[str], stale: Stale) -> tuple[str, ...]:
    """Return paths without those that are stale."""
    known = set(stale.paths)
    return tuple(path for path in paths if path not in known)
