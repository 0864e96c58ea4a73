"""How is a stage performed, in whichever process it finds itself?"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.errors import PrunescopeError, memory_ran_out
from prunescope.base.files import write_atomically
from prunescope.base.progress import SILENT, Progress, duration
from prunescope.concepts.protocol import ConceptSet
from prunescope.engines.engine import Resources
from prunescope.experiment.facts import StudyFacts
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.source_facts import concepts_of
from prunescope.experiment.stage import Stage
from prunescope.experiment.training_plan import TrainingPlan
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.cells import csv_bytes
from prunescope.results.layout import CHECKPOINT, HISTORY, WEIGHTS
from prunescope.results.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from prunescope.experiment.sources import Sources
    from prunescope.pruning.mask import Mask
    from prunescope.training.evaluate import Evaluation

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
    """

    def __init__(self, plan: Plan, store: Store, sources: "Sources | None" = None) -> None:
        self.plan = plan
        self.store = store
        self.progress = SILENT
        self._sources = sources

    def __reduce__(self) -> Any:
        study = self.plan.study
        return _runner_here, (study.recipe.model_dump_json(), study.facts, self.store.root)

    def perform(self, job: StageJob, progress: Progress) -> Outcome:
        """Make those artifacts of a stage that are not there yet.

        Raises PrunescopeError where memory ran out.
        """
        stage = self.plan.named(job.name)
        missing = tuple(artifact for artifact in stage.artifacts if not self.store.has(artifact))
        resumed = any(checkpoint_of(self.store, artifact).is_file() for artifact in missing)
        started = time.monotonic()
        self.progress = progress.titled(stage.title)
        try:
            said = stage.perform(missing, self) if missing else ""
        except (MemoryError, RuntimeError) as error:
            if not memory_ran_out(error):
                raise
            raise PrunescopeError(f"memory ran out: {_MEMORY_ADVICE}") from error
        seconds = time.monotonic() - started
        message = f"{stage.title}: {said or 'done'} ({duration(seconds)})"
        return Outcome(made=missing, seconds=seconds, resumed=resumed, message=message)

    def folder(self, stage: Stage) -> Path:
        """Return the folder of a finished stage's artifact after checking every file of it."""
        (artifact,) = stage.artifacts
        return self.store.folder(artifact)

    @property
    def sources(self) -> "Sources":
        """The study's photographs and concepts."""
        from prunescope.experiment.sources import Sources

        if self._sources is None:
            self._sources = Sources(self.recipe)
        return self._sources

    @cached_property
    def concepts(self) -> ConceptSet:
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
        keeper: "Callable[[Optimizer | None], None] | None" = None,
    ) -> "pd.DataFrame":
        """Train a network for a stage, on from its checkpoint if there is one.

        keeper: keeps to a mask after every step. Returns the history.
        """
        from prunescope.training.loop import train

        (artifact,) = stage.artifacts
        return train(
            network,
            self.sources.train_images,
            settings=plan.settings,
            normalisation=self.sources.normalisation,
            seed=plan.seed,
            start=plan.start,
            end=plan.end,
            after_step=keeper,
            test=self._test_accuracy,
            checkpoint=checkpoint_of(self.store, artifact),
            identity=artifact.key,
            advice=plan.advice,
            progress=self.progress,
        )

    def evaluate(self, network: "nn.Module") -> "Evaluation":
        """Return a network's accuracy on the study's test images."""
        return self._evaluate(network, self.progress)

    def save_network(self, network: "nn.Module", folder: Path) -> None:
        """Save a network's weights, with what it is and what it sees."""
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
        )
        state: dict[str, Tensor] = network.state_dict()
        save_tensors(folder / WEIGHTS, state, description.as_metadata())

    def save_history(self, history: "pd.DataFrame", folder: Path) -> None:
        """Save how a network was trained."""
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

    def _test_accuracy(self, network: "nn.Module") -> float:
        return self._evaluate(network, SILENT).top1

    def _evaluate(self, network: "nn.Module", progress: Progress) -> "Evaluation":
        from prunescope.training.evaluate import evaluate

        training = self.recipe.training
        return evaluate(
            network,
            self.sources.test_images,
            normalisation=self.sources.normalisation,
            precision=training.precision,
            channels_last=training.channels_last,
            progress=progress,
        )


@cache
def _runner_here(recipe_json: str, facts: StudyFacts, root: Path) -> StageRunner:
    """Return this process's runner, with the photographs it has read so far."""
    recipe = Recipe.model_validate_json(recipe_json)
    plan = plan_study(recipe, facts)
    return StageRunner(plan, Store(root))
