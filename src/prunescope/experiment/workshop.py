"""How is each stage of a study performed, from saved inputs to one saved artifact?"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from prunescope.base.devices import default_device
from prunescope.base.files import write_atomically
from prunescope.base.progress import Progress, duration
from prunescope.base.seeding import derive_seed
from prunescope.base.steps import Step
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.dissection.run import dissect_as
from prunescope.experiment.auditing import check_level
from prunescope.experiment.course import Course, course_of
from prunescope.experiment.known import Known
from prunescope.experiment.plan import Level, Moment, Plan, Stage, plan_study
from prunescope.experiment.sources import Sources
from prunescope.experiment.start import load_rewinding, load_start
from prunescope.imaging.network_input import NetworkInput
from prunescope.networks import Description, build, load_network
from prunescope.networks.residual import zero_last_gammas
from prunescope.pruning.acting import count_parameters
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.rewinding import rewind
from prunescope.pruning.scoring import score
from prunescope.pruning.selection import prune_fraction
from prunescope.pruning.settings import StrategySettings
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.cells import csv_bytes
from prunescope.results.layout import HISTORY, MASK, METRICS, WEIGHTS
from prunescope.results.reading import read_form
from prunescope.results.schemas import METRICS_FORM
from prunescope.results.store import Store
from prunescope.training.evaluate import Evaluation, evaluate
from prunescope.training.history import History
from prunescope.training.loop import steps_per_epoch, train


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
    return store.place_of_work(artifact) / "checkpoint.safetensors"


class Workshop:
    """Performs the stages of one study in its run folder, in whichever process it finds itself."""

    def __init__(self, study: Recipe, store: Store, sources: Sources, plan: Plan) -> None:
        self._study = study
        self._store = store
        self._sources = sources
        self._plan = plan

    def __reduce__(self) -> Any:
        known = self._sources.known_data, self._sources.known_concepts
        return _open_workshop, (self._study.model_dump_json(), self._store.root, *known)

    def perform(self, stage: Stage, progress: Progress) -> Outcome:
        """Make those artifacts of a stage that are not there yet."""
        missing = tuple(artifact for artifact in stage.artifacts if not self._store.has(artifact))
        resumed = any(self._checkpoint(artifact).is_file() for artifact in missing)
        started = time.monotonic()
        if missing:
            self._progress = progress.titled(stage.title)
            self._make(stage, missing)
        seconds = time.monotonic() - started
        message = f"{self._describe(stage)} ({duration(seconds)})"
        return Outcome(made=missing, seconds=seconds, resumed=resumed, message=message)

    def _make(self, stage: Stage, missing: tuple[Artifact, ...]) -> None:
        match stage.kind, stage.subject:
            case "rewind", Moment() as moment:
                self._make_moment(moment)
            case "level", Level() as level:
                self._make_level(level)
            case "dissection", Level() as level:
                self._dissect(level, missing)
            case ("tables" | "figures" | "report") as kind, None:
                self._make_results(kind, missing[0])

    def _make_results(
        self, kind: Literal["tables", "figures", "report"], artifact: Artifact
    ) -> None:
        from prunescope.experiment import results  # loads Matplotlib

        with self._store.making(artifact, kind=kind) as folder:
            match kind:
                case "tables":
                    results.make_tables(self._plan, self._store, folder)
                case "figures":
                    results.make_figures(self._plan, self._store, folder)
                case "report":
                    results.make_report(
                        self._study, self._plan, self._store, self._sources, folder, self._progress
                    )

    def _make_moment(self, moment: Moment) -> None:
        assert moment.artifact is not None  # else there is no such stage
        network, start = self._network(moment), self._study.start
        history = History().table()
        if start is not None:
            load_rewinding(network, start, self._classes)
        else:
            if self._study.training.zero_last_gamma:
                zero_last_gammas(network, self._study.network)
            course = Course(
                origin=moment.artifact,
                settings=self._study.training,
                seed=moment.seed,
                start=self._step("0it"),
                end=self._step(self._study.pruning.rewinding_step),
                rewound=False,
            )
            history = self._train(network, moment.artifact, course)
        with self._store.making(moment.artifact, kind="rewind") as folder:
            self._save_network(network, folder)
            write_atomically(folder / HISTORY, csv_bytes(history))

    def _make_level(self, level: Level) -> None:
        network, start = self._network(level.moment), self._study.start
        course = course_of(level, self._study, self._step)
        history = History().table()
        before, strategy = self._origin(level)
        if course is None:
            assert start is not None  # whose weights are a level as they are
            prunable = self._study.pruning.prunable
            before = mask = load_start(network, start, prunable, self._classes)
        else:
            mask = self._mask(level, network)
            weights = load_tensors(self._store.folder(course.origin) / WEIGHTS)
            keeper = rewind(network, weights, mask)
            history = self._train(network, level.artifact, course, keeper)
        metrics = self._metrics(level, mask, network, course, self._evaluate(network))
        with self._store.making(level.artifact, kind="level") as folder:
            self._save_network(network, folder)
            mask.save(folder / MASK)
            check_level(folder, level.title, before, strategy)
            write_atomically(folder / HISTORY, csv_bytes(history))
            write_atomically(folder / METRICS, (json.dumps(metrics, indent=1) + "\n").encode())

    def _dissect(self, level: Level, missing: tuple[Artifact, ...]) -> None:
        layers = {level.dissections[layer].path: layer for layer in level.dissections}
        folder = self._store.folder(level.artifact)
        loaded = load_network(self._study.network, weights=folder)
        assert loaded.input is not None  # a level always says what its network sees
        chosen = tuple(layers[artifact.path] for artifact in missing)
        settings = self._study.dissection.model_copy(update={"layers": chosen})
        dissection = dissect_as(
            settings.completed(**vars(loaded.input)),
            loaded.module.to(self.device),
            self._sources.concepts,
            progress=self._progress,
        )
        for artifact in missing:
            with self._store.making(artifact, kind="dissection") as target:
                layer = dissection.layers[layers[artifact.path]]
                layer.save(target, to_be_continued=False)

    def _mask(self, level: Level, network: nn.Module) -> Mask:
        before, strategy = self._origin(level)
        if level.previous is None or before is None or strategy is None:
            return Mask.ones(network, prunable_names(network, self._study.pruning.prunable))
        weights = load_tensors(self._store.folder(level.previous.artifact) / WEIGHTS)
        network.load_state_dict(weights)
        seed = derive_seed(level.moment.seed, "prune", level.strategy, level.level)
        scores = score(network, before, strategy.criterion, seed)
        return prune_fraction(scores, before, strategy.fraction, strategy.scope)

    def _origin(self, level: Level) -> tuple[Mask | None, StrategySettings | None]:
        """Return the mask that a level was pruned from, and the rule; None twice at level 0."""
        if level.previous is None:
            return None, None
        previous = self._store.folder(level.previous.artifact)
        return Mask.load(previous / MASK), self._study.pruning.strategies[level.strategy]

    def _train(
        self,
        network: nn.Module,
        artifact: Artifact,
        course: Course,
        keeper: Callable[[Optimizer | None], None] | None = None,
    ) -> pd.DataFrame:
        return train(
            network,
            self._sources.train_images,
            settings=course.settings,
            normalisation=self._sources.normalisation,
            seed=course.seed,
            start=course.start,
            end=course.end,
            after_step=keeper,
            checkpoint=self._checkpoint(artifact),
            identity=artifact.key,
            progress=self._progress,
        )

    def _checkpoint(self, artifact: Artifact) -> Path:
        return checkpoint_of(self._store, artifact)

    def _evaluate(self, network: nn.Module) -> Evaluation:
        training = self._study.training
        return evaluate(
            network,
            self._sources.test_images,
            normalisation=self._sources.normalisation,
            precision=training.precision,
            channels_last=training.channels_last,
            progress=self._progress,
        )

    def _metrics(
        self,
        level: Level,
        mask: Mask,
        network: nn.Module,
        course: Course | None,
        evaluation: Evaluation,
    ) -> dict[str, Any]:
        return {
            "replicate": level.replicate,
            "strategy": level.strategy,
            "level": level.level,
            "keep": mask.keep,
            "keep_overall": mask.keep_overall(network),
            "survivors": mask.survivors,
            "prunable": mask.size,
            "parameters": count_parameters(network),
            "rewound_to": str(course.start) if course and course.rewound else None,
            "trained_to": str(course.end) if course else None,
            **evaluation.as_dict(),
        }

    @property
    def _classes(self) -> int:
        return len(self._sources.train_images.classes)

    def _network(self, moment: Moment) -> nn.Module:
        network = build(self._study.network, num_classes=self._classes, seed=moment.seed)
        return network.to(self.device)

    def _save_network(self, network: nn.Module, folder: Path) -> None:
        images, normalisation = self._sources.train_images, self._sources.normalisation
        description = Description(
            name=self._study.network,
            num_classes=self._classes,
            input=NetworkInput(
                mean=normalisation.mean,
                std=normalisation.std,
                resolution=images.size[0],
            ),
        )
        state: dict[str, Tensor] = network.state_dict()
        save_tensors(folder / WEIGHTS, state, description.as_metadata())

    def _step(self, text: str) -> Step:
        count = len(self._sources.train_images.labels)
        return Step.parse(text, steps_per_epoch(count, self._study.training.batch_size))

    def _describe(self, stage: Stage) -> str:
        if stage.kind != "level":
            return f"{stage.title}: done"
        metrics = read_form(self._store.root / stage.artifacts[0].path / METRICS, METRICS_FORM)
        return (
            f"{stage.title}: {100 * metrics['keep']:.1f} % of the weights left, "
            f"accuracy {100 * metrics['top1']:.2f} %"
        )

    @cached_property
    def device(self) -> torch.device:
        """Where networks run: a GPU if there is one."""
        return torch.device(default_device())


@cache
def _open_workshop(study_json: str, root: Path, data: Known, concepts: Known) -> Workshop:
    """Return a process's own workshop, with the photographs it has read so far."""
    study = Recipe.model_validate_json(study_json)
    sources = Sources(study, data=data, concepts=concepts)
    return Workshop(study, Store(root), sources, plan_study(study, sources))
