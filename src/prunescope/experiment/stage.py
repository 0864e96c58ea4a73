"""What is a stage of a study: what it makes, from what, under which key, and at what cost?"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from prunescope.base.files import canonical_json
from prunescope.base.seeding import Seeds, derive_seed
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.engines.engine import Resources
from prunescope.experiment.facts import StudyFacts
from prunescope.experiment.levels.strategy import PlannedStrategy
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.recipe import Recipe, ResourceSettings, SeedSettings
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import LevelKey

if TYPE_CHECKING:
    from prunescope.experiment.runner import StageRunner


@dataclass(frozen=True, kw_only=True)
class PlannedStudy:
    """A study and what is known of its sources: all that its keys are made of."""

    recipe: Recipe
    facts: StudyFacts

    @cached_property
    def dissection_for_key(self) -> Mapping[str, Any]:
        """How levels are dissected, as plain values for keys."""
        return self.recipe.dissection.for_key()

    @cached_property
    def strategies(self) -> Mapping[str, PlannedStrategy]:
        """Its strategies, by name."""
        strategies = self.recipe.pruning.strategies.items()
        return {name: PlannedStrategy(settings) for name, settings in strategies}

    def seeds(self, replicate: int) -> Seeds:
        """Return the seeds from which a replicate's weights, order and augmentation follow."""
        if replicate not in self._seeds:  # thousands of levels share them
            self._seeds[replicate] = self._drawn(replicate)
        return self._seeds[replicate]

    @cached_property
    def settings_texts(self) -> dict[tuple[Any, ...], str]:
        """What `Stage.settings_once` has encoded already."""
        return {}

    @cached_property
    def _seeds(self) -> dict[int, Seeds]:
        return {}

    def _drawn(self, replicate: int) -> Seeds:
        stated = self.recipe.seeds or SeedSettings()
        init, order, augmentation = (
            derive_seed(self.recipe.seed if seed is None else seed, "replicate", replicate)
            for seed in (stated.init, stated.order, stated.augmentation)
        )
        return Seeds(init=init, order=order, augmentation=augmentation)

    def step(self, text: str) -> Step:
        """Read a step of a training on the study's photographs."""
        size = self.recipe.training.batch_size
        return Step.parse(text, steps_per_epoch(self.facts.data.images, size))

    def images_shown(self, plan: TrainingPlan) -> float:
        """Return how many images a training costs.

        Those of tests and of recalibration count as a third, since nothing goes backward.
        """
        steps, settings = plan.end.iteration - plan.start.iteration, plan.settings
        trained = steps / max(1, plan.start.per_epoch) * self.facts.data.images
        every = settings.evaluate_every
        tests = 1 if every == "end" else -(-steps // self.step(every).iteration)
        recalibrated = (settings.recalibrate or 0) * settings.batch_size
        return trained + (tests * self.facts.data.test_images + recalibrated) / 3


class Stage(ABC):
    """One piece of work of a study. It makes one artifact, or several in one go.

    kind: of every artifact of such a stage. version: raised where the same settings and inputs
    come to give other numbers. part: what its files are called where they lie in the folder of
    another stage's artifact. derived: made from others within seconds, see `Artifact`.
    paced_like: the kind whose seconds per unit of cost are expected of it until its own are known.
    reads_concepts: whether it needs the concept images themselves.
    shared: whether several processes can show its images to a network together.
    alike: whether all stages of its class in a study have the same settings.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    part: ClassVar[str] = ""
    derived: ClassVar[bool] = False
    paced_like: ClassVar[str] = ""
    reads_concepts: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    alike: ClassVar[bool] = False

    def __init__(
        self,
        study: PlannedStudy,
        *,
        path: str,
        title: str,
        inputs: Iterable["Stage"] = (),
        position: tuple[int, ...] | None = None,
    ) -> None:
        """Plan it.

        path: of its artifact's folder in the run folder. title: what a person calls it; no other
        stage of the study is called so. inputs: the stages whose artifacts it needs.
        position: its rank among the stages of the study; None takes that of its last input.
        Of stages with one position, those of a kind follow the kinds it takes its inputs from.
        """
        self.study = study
        self.path = path
        self.title = title
        self.inputs = tuple(inputs)
        self.position: tuple[int, ...] = position or max(each.position for each in self.inputs)

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Return the settings that, with its inputs, determine what it makes, as plain values."""

    @abstractmethod
    def perform(self, missing: tuple[Artifact, ...], runner: "StageRunner") -> str:
        """Make those of its artifacts that are missing; return a line on how it went, or ""."""

    def cost(self) -> float:
        """Return how many images it shows to the network."""
        return 0.0

    @property
    def level_key(self) -> LevelKey | None:
        """Which level it belongs to: that of all its inputs; None where they are of several."""
        keys = {stage.level_key for stage in self.inputs}
        return keys.pop() if len(keys) == 1 else None

    @property
    def resources(self) -> Resources:
        """What it needs for itself while it runs."""
        if not self.cost():
            return Resources()
        sharing = self.study.recipe.sharing if self.shared else ResourceSettings()
        return Resources(gpus=sharing.gpus, processes=sharing.count)

    @property
    def outputs(self) -> tuple[Artifact, ...]:
        """What it makes, without the keys."""
        return (Artifact(path=self.path, key="", part=self.part, derived=self.derived),)

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What it makes."""
        (output,) = self.outputs
        settings = self.settings_once() if self.alike else canonical_json(self.settings())
        made_of = [artifact for stage in self.inputs for artifact in stage.artifacts]
        return (output.under(self.key_of(settings, made_of)),)

    def key_of(self, settings: str, inputs: Iterable[Artifact]) -> str:
        """Return the key of what settings and inputs determine.

        settings: as canonical JSON. The key is the fingerprint of an object that has them as
        `settings`, and `inputs`, `kind` and `version`.
        """
        keys = ",".join(f'"{artifact.key}"' for artifact in inputs)
        kind, version = canonical_json(self.kind), self.version
        text = f'{{"inputs":[{keys}],"kind":{kind},"settings":{settings},"version":{version}}}'
        return hashlib.sha256(text.encode()).hexdigest()

    def settings_once(self, **more: str) -> str:
        """Return settings that all stages of its kind share as canonical JSON, encoded once.

        more: settings beside them, by which stages differ.
        """
        texts, which = self.study.settings_texts, (self.kind, *more.items())
        if which not in texts:
            texts[which] = canonical_json({**self.settings(), **more})
        return texts[which]

    def __repr__(self) -> str:
        return f"<{self.kind} stage: {self.title}>"


class FolderStage(Stage):
    """A stage that makes one artifact."""

    @abstractmethod
    def make(self, folder: Path, runner: "StageRunner") -> str:
        """Make the artifact's files in an empty folder; return as `perform` does."""

    def perform(self, missing: tuple[Artifact, ...], runner: "StageRunner") -> str:
        (artifact,) = missing
        with runner.store.making(artifact, kind=self.kind, again=runner.again) as folder:
            return self.make(folder, runner)
