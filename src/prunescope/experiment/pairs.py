"""How do two networks fare on the same labelled images, and what does each of them cost?"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prunescope.base.devices import default_device, say_if_slow, usable_device
from prunescope.base.progress import SILENT, Progress
from prunescope.data.loader import batches
from prunescope.experiment.measuring import ShownImages, evaluate_on, images_for
from prunescope.experiment.sides import on_side
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.reading.files import bytes_on_disk
from prunescope.pruning.cost import count_multiply_adds
from prunescope.results.evaluation import Evaluation
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.statistics.two_networks import compare_evaluations
from prunescope.training.latency import time_in_turns
from prunescope.training.settings import EvaluationSettings


@dataclass(frozen=True, kw_only=True)
class OpenSide:
    """A network that is laid beside another. name: what the user calls it.

    path: of its weights; None where they were never in a file.
    """

    name: str
    network: LoadedNetwork
    path: Path | None = None


def measure_pair(
    a: OpenSide,
    b: OpenSide,
    source: str,
    settings: EvaluationSettings,
    *,
    rounds: int,
    device: str | None = None,
    progress: Progress = SILENT,
) -> EvaluationPair:
    """Evaluate two networks on the same labelled images, count their cost and time them in turns.

    rounds: of timing; 0 times nothing. Raises ConfigError or DataError, saying on which side,
    before any image is read where that can be known.
    """
    target = usable_device(device or default_device())
    say_if_slow(settings.precision, target, progress)
    seen: list[ShownImages] = []
    for letter, side in zip("AB", (a, b), strict=True):
        with on_side(letter, side.name):
            before = seen[0] if seen else None
            seen.append(
                images_for(side.network, source, settings, before=before, progress=progress)
            )
    found: list[Evaluation] = []
    for letter, side, images in zip("AB", (a, b), seen, strict=True):
        with on_side(letter, side.name):
            titled = progress.titled(letter)
            found.append(evaluate_on(images, side.network, settings, target, titled))
    costs = [_cost(side, images) for side, images in zip((a, b), seen, strict=True)]
    latency = None
    if rounds:
        seconds = _timed((a, b), seen, settings, rounds, target, progress)
        for cost, of_side in zip(costs, seconds, strict=True):
            cost["milliseconds"] = _quartiles(1000 * np.array(of_side))
        ratio = _quartiles(np.divide(seconds[1], seconds[0]))
        latency = {"ratio": ratio, **_conditions(settings, rounds, target)}
    return compare_evaluations(
        *found,
        about={"data": source, "split": seen[0].split},
        costs=(costs[0], costs[1]),
        latency=latency,
    )


def _cost(side: OpenSide, seen: ShownImages) -> dict[str, Any]:
    """Return what a network costs."""
    height, width = seen.images.size
    return {
        "name": side.name,
        "height": height,
        "width": width,
        **count_multiply_adds(side.network.module, (height, width)),
        "bytes": None if side.path is None else bytes_on_disk(side.path),
        "milliseconds": None,
    }


def _timed(
    sides: Sequence[OpenSide],
    seen: Sequence[ShownImages],
    settings: EvaluationSettings,
    rounds: int,
    device: torch.device,
    progress: Progress,
) -> list[list[float]]:
    """Return the seconds that each network takes for the first image, round by round."""
    first = [
        next(
            batches(
                each.images.beginning(1),
                batch_size=1,
                normalisation=each.normalisation,
                order=torch.arange(1),
                device=device,
            )
        )[0]
        for each in seen
    ]
    return time_in_turns(
        [side.network.module for side in sides],
        first,
        rounds=rounds,
        precision=settings.precision,
        classes=len(seen[0].images.classes),
        progress=progress,
    )


def _quartiles(values: np.ndarray) -> dict[str, float]:
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return {"low": low, "median": median, "high": high}


def _conditions(
    settings: EvaluationSettings, rounds: int, device: torch.device
) -> dict[str, str | int | float | None]:
    """Return under which conditions networks were timed, for a reader to judge them by."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return {
        "images": 1,
        "rounds": rounds,
        "precision": settings.precision,
        "device": name,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
