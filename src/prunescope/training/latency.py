"""How long do networks take for an image, timed in turns?"""

import time
from collections.abc import Sequence
from contextlib import ExitStack

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunescope.base.images import Precision
from prunescope.base.modes import in_mode
from prunescope.base.progress import SILENT, Progress
from prunescope.training.forward import class_scores

Batch = Float[Tensor, "image channel height width"]
_WARMING = 3
"""Rounds that are not counted: memory is taken, and algorithms are chosen."""


def time_in_turns(
    networks: Sequence[nn.Module],
    batches: Sequence[Batch],
    *,
    rounds: int,
    precision: Precision,
    classes: int,
    progress: Progress = SILENT,
) -> list[list[float]]:
    """Return the seconds that each network takes for its batch, round by round.

    In every round each network is shown its batch once, in an order that turns around from round
    to round, so that whatever else the machine does meets all of them alike. Three rounds go
    before. Networks compute operation by operation, in evaluation mode, and are left as they were.
    batches: on the devices of their networks. classes: how many outputs there are.
    """
    seconds: list[list[float]] = [[] for _ in networks]
    with ExitStack() as stack:
        for network in networks:
            stack.enter_context(in_mode(network, training=False))
        stack.enter_context(torch.inference_mode())
        task = stack.enter_context(progress.task("timing", _WARMING + rounds))
        for number in range(_WARMING + rounds):
            turn = range(len(networks)) if number % 2 else reversed(range(len(networks)))
            for index in turn:
                started = _now(batches[index])
                class_scores(networks[index], batches[index], precision=precision, classes=classes)
                taken = _now(batches[index]) - started
                if number >= _WARMING:
                    seconds[index].append(taken)
            task.advance(1)
    return seconds


def _now(batch: Batch) -> float:
    """Return the time in seconds when everything that a device was given is done."""
    if batch.device.type == "cuda":
        torch.cuda.synchronize(batch.device)
    return time.perf_counter()
