"""How long will a study take, and how much room?"""

import math
import time
from collections.abc import Callable
from functools import partial

from torch import nn

from prunescope.base.devices import computing_with, default_device, device_name
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.concepts.protocol import ConceptSet
from prunescope.data.labelled import StreamedImages
from prunescope.dissection.chance.sequential import FIRST_LOOK
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.check import map_shapes
from prunescope.experiment.forecast import Rates
from prunescope.experiment.plan import Plan
from prunescope.experiment.sources import Sources
from prunescope.experiment.stages.dissection import DissectionStage
from prunescope.experiment.stages.rewind_point import RewindPointStage
from prunescope.networks.registry import build
from prunescope.recipe import Recipe
from prunescope.training.evaluate import evaluate
from prunescope.training.loop import train

_TRIAL_STEPS = 3
_BYTES_PER_UNIT_AND_LABEL = 16  # intersections, and a share for tables and examples


def measure_rates(recipe: Recipe, sources: Sources, *, threads: int) -> Rates:
    """Time a little real work where a run would do it.

    threads: how many each process of the run computes with.
    """
    network = build(recipe.network, num_classes=len(sources.train_images.classes), seed=0)
    concepts = _some_concepts(recipe, sources, network)
    network = network.to(default_device())
    with computing_with(threads):
        training = _seconds_per_unit(lambda: _try_training(recipe, sources, network))
        evaluating = _seconds_per_unit(lambda: _try_evaluating(recipe, sources, network))
        try_dissecting = partial(_try_dissecting, sources, network, concepts)
        alone = recipe.dissection.model_copy(update={"null": 0, "formulas": 1})
        counting = both = _seconds_per_unit(partial(try_dissecting, alone))
        if recipe.dissection.keeps_masks:
            both = _seconds_per_unit(partial(try_dissecting, recipe.dissection))
    return Rates(
        seconds={
            "rewind": training,
            "level": training,
            "evaluation": evaluating,
            "dissection": counting,
            "scores": max(0.0, both - counting),
        },
        device=device_name(),
        threads=threads,
        images=len(sources.train_images),
        test_images=len(sources.test_images),
        concept_images=len(sources.concepts.images),
        classes=len(sources.train_images.classes),
        labels=len(sources.concepts.labels),
    )


def disk_bytes(plan: Plan, recipe: Recipe, rates: Rates) -> int:
    """Return about how many bytes the run folder will take."""
    network = build(recipe.network, num_classes=rates.classes, seed=0)
    state = network.state_dict()
    weights: int = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    masks: int = sum(parameter.numel() for parameter in network.parameters())
    units: int = max(tensor.shape[0] for tensor in state.values() if tensor.ndim)
    dissection = units * rates.labels * _BYTES_PER_UNIT_AND_LABEL
    if recipe.dissection.basis is not None:
        dissection += 4 * units * units
    points = len(plan.of(RewindPointStage))
    layers = sum(len(stage.artifacts) for stage in plan.of(DissectionStage))
    networks, levels = points + len(plan.levels), len(plan.levels)
    return networks * weights + levels * masks + layers * dissection


def _seconds_per_unit(work: Callable[[], float]) -> float:
    """Do some work twice, since the first also warms up; it returns its cost."""
    work()
    started = time.monotonic()
    cost = work()
    return (time.monotonic() - started) / cost


def _try_training(recipe: Recipe, sources: Sources, network: nn.Module) -> float:
    images, settings = sources.train_images, recipe.training.unfinished()
    if isinstance(images, StreamedImages):  # else the steps alone are few
        images = images.beginning(_TRIAL_STEPS * settings.batch_size)
    per_epoch = steps_per_epoch(len(images), settings.batch_size)
    steps = min(_TRIAL_STEPS, per_epoch, Step.parse(settings.to, per_epoch).iteration)
    train(
        network,
        images,
        settings=settings,
        normalisation=sources.normalisation,
        seeds=Seeds.equal(0),
        start=Step(0, per_epoch),
        end=Step(steps, per_epoch),
    )
    return min(steps * settings.batch_size, len(images))


def _try_evaluating(recipe: Recipe, sources: Sources, network: nn.Module) -> float:
    settings = recipe.training
    images = sources.test_images.beginning(_TRIAL_STEPS * settings.batch_size)
    evaluate(
        network,
        images,
        normalisation=sources.normalisation,
        precision=settings.precision,
        arithmetic=recipe.evaluation_arithmetic,
        channels_last=settings.channels_last,
    )
    return len(images)


def _some_concepts(recipe: Recipe, sources: Sources, network: nn.Module) -> ConceptSet:
    """Open the first images of the concepts: a batch, and enough for the quantile."""
    maps = map_shapes(recipe, sources, network).values()
    smallest = min(height * width for _, height, width in maps)
    enough = math.ceil(2 / (recipe.dissection.quantile * smallest))
    count = min(len(sources.concepts.images), max(recipe.dissection.batch_size, enough))
    return sources.concepts.part(range(count))


def _try_dissecting(
    sources: Sources,
    network: nn.Module,
    concepts: ConceptSet,
    dissection: DissectionSettings,
) -> float:
    used = sources.normalisation
    settings = dissection.completed(resolution=sources.side, mean=used.mean, std=used.std)
    if settings.null == "auto":  # which on so few images says nothing of how long it takes
        settings = settings.model_copy(update={"null": FIRST_LOOK})
    dissect_layers(settings, network, concepts)
    return len(concepts.images)
