"""How is a stage performed, in whichever process it finds itself?"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.errors import PrunescopeError, StoreError, memory_ran_out
from prunescope.base.files import write_atomically
from prunescope.base.images import Arithmetic
from prunescope.base.progress import SILENT, Progress, Watched, duration
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.seeding import Seeds
from prunescope.engines.engine import Resources
from prunescope.experiment.elsewhere import Origin
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.source_facts import concepts_of
from prunescope.experiment.stage import Stage
from prunescope.experiment.together import together
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import CHECKPOINT, HISTORY, WEIGHTS, kept_name
from prunescope.results.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from torch import Tensor, nn

    from prunescope.concepts.protocol import ConceptSet
    from prunescope.experiment.levels.level import LevelStage
    from prunescope.experiment.sources import Sources
    from prunescope.pruning.filters.groups import ChannelGroups
    from prunescope.pruning.mask import Mask, MaskKeeper
    from prunescope.pruning.scoring_images import ScoringImages
    from prunescope.results.evaluation import Evaluation

_MEMORY_ADVICE = "take fewer workers, a smaller batch_size, or less memory in the recipe"


@dataclass(frozen=True, kw_only=True)
class StageJob:
    """A stage as an engine sees it."""

    name: str
    after: tuple[str, ...]
    resources: Resources


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a performed stage made, the seconds it took, and a line for the user.

    resumed: it went on from a checkpoint, so the seconds are those of its last part alone.
    """

    made: tuple[Artifact, ...]
    seconds: float
    resumed: bool
    message: str


def checkpoint_of(store: Store, artifact: Artifact) -> Path:
    """Return where the training of an unfinished artifact keeps its last checkpoint."""
    return store.place_of_work(artifact) / CHECKPOINT


class StageRunner:
    """Performs the stages of one study in its run folder.

    Torch is loaded by those that compute with a network, not by tables, figures and pages.
    sources: None where they are still to be opened.
    again: make what is there, too; the former stays until the new one is whole.
    ranks: the processes that show images to a network together, of which this is the first.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        sources: "Sources | None" = None,
        again: bool = False,
        ranks: Ranks = ALONE,
    ) -> None:
        self.plan = plan
        self.store = store
        self.again = again
        self.ranks = ranks
        self.progress = SILENT
        self._sources = sources

    def __reduce__(self) -> Any:
        study = self.plan.study
        recipe = study.recipe.model_dump_json()
        origin = Origin.here(self.store.root, study.facts, self.store.lease)
        return _runner_here, (recipe, origin, self.again)

    def perform(self, job: StageJob, progress: Progress) -> Outcome:
        """Make those artifacts of a stage that are not there yet, or all of them again.

        Raises PrunescopeError where memory ran out, RunBusyError soon after another process has
        taken over the run folder.
        """
        stage = self.plan.named(job.name)
        missing = tuple(
            artifact for artifact in stage.artifacts if self.again or not self.store.has(artifact)
        )
        resumed = any(checkpoint_of(self.store, artifact).is_file() for artifact in missing)
        started = time.monotonic()
        self.progress = Watched(progress.titled(stage.title), self.store.check_lease)
        try:
            with self.store.blaming(), self._sharing(job.resources.processes):
                said = stage.perform(missing, self) if missing else ""
        except (MemoryError, RuntimeError) as error:
            if not memory_ran_out(error):
                raise
            raise PrunescopeError(f"memory ran out: {_MEMORY_ADVICE}") from error
        seconds = time.monotonic() - started
        message = f"{stage.title}: {said or 'done'} ({duration(seconds)})"
        return Outcome(made=missing, seconds=seconds, resumed=resumed, message=message)

    @contextmanager
    def _sharing(self, processes: int) -> Iterator[None]:
        """Let other processes of this machine take their part, unless there are some already."""
        if processes == 1 or self.ranks.count > 1:
            yield
            return
        from prunescope.experiment.helpers import helped

        with helped(processes) as ranks:
            self.ranks = ranks
            try:
                yield
            finally:
                self.ranks = ALONE

    def folder(self, stage: Stage) -> Path:
        """Return the folder of a finished stage's artifact after checking every file of it."""
        (artifact,) = stage.artifacts
        return self.store.folder(artifact)

    def weights_of(self, stage: Stage) -> "dict[str, Tensor]":
        """Return the weights of a finished level or rewind point."""
        from prunescope.base.tensors import load_tensors

        return load_tensors(self.folder(stage) / WEIGHTS)

    def scoring_images(self, count: int | None, seeds: Seeds) -> "ScoringImages":
        """Return the training images that a criterion sees. count: None for the default."""
        from prunescope.pruning.scoring_images import TrainingImages

        return TrainingImages(
            images=self.sources.train_images,
            normalisation=self.sources.normalisation,
            training=self.recipe.training,
            seed=seeds.order,
            device=self.device,
            count=count,
        )

    @property
    def sources(self) -> "Sources":
        """The study's photographs and concepts."""
        from prunescope.experiment.sources import Sources

        if self._sources is None:
            self._sources = Sources(self.recipe)
        return self._sources

    @cached_property
    def concepts(self) -> "ConceptSet":
        """The study's pictures with labelled concepts."""
        return concepts_of(self.recipe) if self._sources is None else self._sources.concepts

    def new_network(self, seed: int) -> "nn.Module":
        """Return the study's network, initialised from a seed, on the device."""
        from prunescope.networks.registry import build

        network = build(self.recipe.network, num_classes=self.classes, seed=seed)
        return network.to(self.device)

    def initialised(self, seed: int) -> "nn.Module":
        """Return the network as its training begins, drawn from a seed."""
        from prunescope.networks.residual import zero_last_gammas

        network = self.new_network(seed)
        if self.recipe.training.zero_last_gamma:
            zero_last_gammas(network, self.recipe.network)
        return network

    def all_prunable(self, network: "nn.Module") -> "Mask":
        """Return the mask of a network of which nothing is pruned."""
        from prunescope.pruning.mask import Mask
        from prunescope.pruning.prunable import prunable_names

        return Mask.ones(network, prunable_names(network, self.recipe.pruning.prunable))

    def train(
        self,
        network: "nn.Module",
        stage: Stage,
        plan: TrainingPlan,
        mask: "Mask | None" = None,
        keeper: "MaskKeeper | None" = None,
    ) -> "pd.DataFrame":
        """Train a network for a stage, on from its checkpoint if there is one.

        mask, keeper: of what is pruned, and what keeps to it.
        Returns the history.
        """
        from prunescope.experiment.trainings import train_stage

        return train_stage(self, network, stage, plan, mask, keeper)

    def evaluate(self, network: "nn.Module") -> "Evaluation":
        """Return a network's accuracy on the study's test images, by this process alone."""
        return self.measure(network, self.recipe.evaluation_arithmetic, ALONE, self.progress)

    def evaluate_level(self, level: "LevelStage", network: "nn.Module") -> "Evaluation":
        """Return the accuracy of a finished level's network, by all processes."""
        arithmetic = self.recipe.evaluation_arithmetic
        own = partial(self.measure, network, arithmetic, self.ranks, self.progress)
        return together(self.ranks, own, partial(_evaluate_along, self, level.title))

    def test_accuracy(self, network: "nn.Module", ranks: Ranks) -> float:
        """Return the accuracy of a network in training, which all processes have."""
        return self.measure(network, "plain", ranks, SILENT).top1

    def measure(
        self, network: "nn.Module", arithmetic: Arithmetic, ranks: Ranks, progress: Progress
    ) -> "Evaluation":
        """Return a network's accuracy on the study's test images, which processes share."""
        from prunescope.training.evaluate import evaluate

        training = self.recipe.training
        return evaluate(
            network,
            self.sources.test_images,
            normalisation=self.sources.normalisation,
            precision=training.precision,
            arithmetic=arithmetic,
            channels_last=training.channels_last,
            ranks=ranks,
            progress=progress,
        )

    @cached_property
    def channel_groups(self) -> "ChannelGroups":
        """Which channels of the study's network go together."""
        from prunescope.networks.registry import build
        from prunescope.pruning.filters.finding import find_groups
        from prunescope.pruning.filters.pruning import within_prunable

        network = build(self.recipe.network, num_classes=self.classes, seed=0)
        groups = find_groups(network, resolution=self.sources.side)
        return within_prunable(groups, network, self.recipe.pruning.prunable)

    def save_network(
        self,
        network: "nn.Module",
        folder: Path,
        units: "Mapping[str, tuple[int, ...]] | None" = None,
    ) -> None:
        """Save a network's weights, with what it is and what it sees.

        units: which are left of layers that have lost some.
        """
        self.save_weights(network, folder / WEIGHTS, units)

    def save_kept(self, stage: Stage, plan: TrainingPlan, folder: Path) -> None:
        """Save what was kept during a stage's training beside the weights it ended with.

        Raises StoreError where that is gone.
        """
        (artifact,) = stage.artifacts
        place = self.store.place_of_work(artifact)
        for name in (kept_name(str(step)) for step in plan.kept):
            if not (place / name).is_file():
                raise StoreError(
                    f"{place / name}, kept during the training, is gone: remove {place} and run "
                    "the study again to train anew"
                )
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(place / name, folder / name)

    def save_weights(
        self,
        network: "nn.Module",
        path: Path,
        units: "Mapping[str, tuple[int, ...]] | None" = None,
    ) -> None:
        """Save a network's weights as a file, see `save_network`."""
        from prunescope.base.tensors import save_tensors
        from prunescope.imaging.network_input import NetworkInput
        from prunescope.networks.description import Description

        images, normalisation = self.sources.train_images, self.sources.normalisation
        description = Description(
            name=self.recipe.network,
            num_classes=self.classes,
            input=NetworkInput(
                mean=normalisation.mean,
                std=normalisation.std,
                resolution=images.size[0],
            ),
            units=units,
        )
        state: dict[str, Tensor] = network.state_dict()
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, state, description.as_metadata())

    def save_history(self, history: "pd.DataFrame", folder: Path) -> None:
        """Save how a network was trained."""
        from prunescope.results.cells import csv_bytes

        write_atomically(folder / HISTORY, csv_bytes(history))

    @property
    def classes(self) -> int:
        """How many classes the photographs are of."""
        return len(self.sources.train_images.classes)

    @cached_property
    def device(self) -> "torch.device":
        """Where networks run: a GPU if there is one."""
        import torch

        from prunescope.base.devices import default_device

        return torch.device(default_device())

    @property
    def recipe(self) -> Recipe:
        """The study's recipe."""
        return self.plan.study.recipe


def _evaluate_along(runner: StageRunner, title: str, ranks: Ranks) -> None:
    level: Any = runner.plan.named(title)
    runner.measure(level.network(runner), runner.recipe.evaluation_arithmetic, ranks, SILENT)


@cache
def _runner_here(recipe_json: str, origin: Origin, again: bool) -> StageRunner:
    """Return this process's runner, with the photographs it has read so far.

    Raises what `Origin.check` does on another machine.
    """
    recipe = Recipe.model_validate_json(recipe_json)
    origin.check(recipe)
    plan = plan_study(recipe, origin.facts)
    return StageRunner(plan, Store(origin.root, origin.lease), again=again)
