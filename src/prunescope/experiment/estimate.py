"""How long will a study take, and how much room?"""

import time
from collections import defaultdict
from collections.abc import Mapping

import torch

from prunescope.base.steps import Step
from prunescope.base.store import Store
from prunescope.experiment.plan import Plan, Stage
from prunescope.experiment.sources import Sources
from prunescope.networks import build
from prunescope.study import Study
from prunescope.training.loop import steps_per_epoch, train

_TRIAL_STEPS = 3
_PASSES = 2  # of a dissection over its images
_BYTES_PER_UNIT_AND_LABEL = 16  # intersections, and a share for tables and examples


def stage_cost(stage: Stage, study: Study, sources: Sources) -> float:
    """Return a stage's work: images shown in training, or images dissected; 0 for results."""
    match stage.kind:
        case "rewind":
            return _images_shown("0it", study.pruning.rewind_to, study, sources)
        case "level":
            return _images_shown(study.pruning.rewind_to, study.training.to, study, sources)
        case "dissection":
            return float(len(sources.concepts.images))
        case _:
            return 0.0


def seconds_left(
    plan: Plan,
    store: Store,
    study: Study,
    sources: Sources,
    rates: Mapping[str, float],
    *,
    workers: int = 1,
) -> float | None:
    """Return how long the unfinished stages will take; None while no rate is known for one.

    rates: seconds per unit of cost, by kind of stage. workers: processes beside each other, of
    which one replicate's levels keep one busy.
    """
    known = {**rates}
    for kind, like in (("level", "rewind"), ("rewind", "level")):  # both are training
        if kind not in known and like in known:
            known[kind] = known[like]
    by_replicate: dict[int, float] = defaultdict(float)
    for stage in plan.stages:
        missing = sum(not store.has(artifact) for artifact in stage.artifacts)
        cost = stage_cost(stage, study, sources) * missing / len(stage.artifacts)
        if stage.subject is None or not cost:
            continue
        if stage.kind not in known:
            return None
        by_replicate[stage.subject.replicate] += cost * known[stage.kind]
    return max(sum(by_replicate.values()) / workers, max(by_replicate.values(), default=0.0))


def measure_rates(study: Study, sources: Sources) -> dict[str, float]:
    """Time a few real steps of the study's own network; return seconds per unit of cost."""
    images = sources.train_images
    network = build(study.network, num_classes=len(images.classes), seed=0)
    per_epoch = steps_per_epoch(len(images), study.training.batch_size)
    started = time.monotonic()
    for trial in range(2):  # the first also warms up
        started = time.monotonic()
        train(
            network,
            images,
            settings=study.training,
            normalisation=sources.normalisation,
            seed=trial,
            start=Step(0, per_epoch),
            end=Step(min(_TRIAL_STEPS, per_epoch), per_epoch),
        )
    shown = min(_TRIAL_STEPS * study.training.batch_size, len(images))
    training = (time.monotonic() - started) / shown
    side = study.dissection.resolution or images.pixels.shape[1]
    dissecting = _PASSES * _seconds_per_forward(network, side)
    return {"rewind": training, "level": training, "dissection": dissecting}


def disk_bytes(plan: Plan, study: Study, sources: Sources) -> int:
    """Return about how many bytes the run folder will take."""
    network = build(study.network, num_classes=len(sources.train_images.classes), seed=0)
    state = network.state_dict()
    weights: int = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    masks: int = sum(parameter.numel() for parameter in network.parameters())
    units: int = max(tensor.shape[0] for tensor in state.values() if tensor.ndim)
    dissection = units * len(sources.concepts.labels) * _BYTES_PER_UNIT_AND_LABEL
    moments = sum(stage.kind == "rewind" for stage in plan.stages)
    layers = sum(len(level.dissections) for level in plan.levels)
    return (moments + len(plan.levels)) * weights + len(plan.levels) * masks + layers * dissection


def _images_shown(start: str, end: str, study: Study, sources: Sources) -> float:
    count = len(sources.train_images.labels)
    per_epoch = steps_per_epoch(count, study.training.batch_size)
    steps = Step.parse(end, per_epoch).iteration - Step.parse(start, per_epoch).iteration
    return steps / per_epoch * count


@torch.inference_mode()
def _seconds_per_forward(network: torch.nn.Module, side: int) -> float:
    network.eval()
    batch = torch.zeros(16, 3, side, side)
    network(batch)
    started = time.monotonic()
    network(batch)
    return (time.monotonic() - started) / len(batch)
