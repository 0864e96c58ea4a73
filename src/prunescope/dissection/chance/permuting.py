"""How often are labels permuted among images, and which units are then beyond chance?"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import torch

from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress, duration
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.text import counted
from prunescope.dissection.chance.draws import Draws, Number, Observed, Request
from prunescope.dissection.chance.judging import judge
from prunescope.dissection.chance.null import Null
from prunescope.dissection.chance.sequential import FIRST_LOOK
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.scores import NO_LABEL
from prunescope.results.dissection import DrawnChance, LayerDissection
from prunescope.results.overlap import Overlap


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A layer whose labels are permuted.

    overlap: its counts without permutation. categories: only their labels count. iou: a unit is
    interpretable above it. draws: those made so far; more are added.
    """

    overlap: Overlap
    categories: Sequence[str]
    iou: float
    observed: Observed
    draws: Draws

    @classmethod
    def of(
        cls,
        overlap: Overlap,
        units: pd.DataFrame,
        categories: Sequence[str],
        *,
        iou: float,
        draws: Draws | None = None,
    ) -> "Trial":
        """Return the trial of a layer.

        units: as `score_units` returns them. draws: those made so far.
        """
        allowed = overlap.allowed(categories)
        numbers = overlap.label_numbers[allowed]
        labels = units["label"].to_numpy(np.int64, na_value=NO_LABEL)
        label_index = np.where(labels == NO_LABEL, NO_LABEL, np.searchsorted(numbers, labels))
        return cls(
            overlap=overlap,
            categories=categories,
            iou=iou,
            observed=Observed(
                iou=units["iou"].to_numpy(np.float64),
                label_index=label_index,
                labels=int((overlap.truth[allowed] > 0).sum()),
                interpretable=units["interpretable"].to_numpy(np.bool_),
            ),
            draws=Draws(len(units)) if draws is None else draws,
        )


def draw_chance(
    layers: Mapping[str, LayerDissection],
    masks: Mapping[str, KeptMasks],
    label_maps: LabelMaps,
    number: Number,
    device: torch.device,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
    *,
    draws: Mapping[str, Draws] = MappingProxyType({}),
) -> dict[str, LayerDissection]:
    """Permute the labels as often as asked for, and return the layers with what is due to chance.

    masks: of every layer, on the images of this process. label_maps: the labels of all images.
    number: of draws. ranks: the processes that share the images. draws: those that a layer already
    has.
    """
    first = next(iter(layers.values()))
    categories = first.summary["settings"]["categories"] or label_maps.concepts.categories
    trials = {
        layer: Trial.of(
            dissected.overlap,
            dissected.units,
            categories,
            iou=dissected.summary["settings"]["iou"],
            draws=draws.get(layer),
        )
        for layer, dissected in layers.items()
    }
    with told_where_memory_ends(device):
        make_draws(Null(label_maps, masks, categories, device, ranks), trials, number, progress)
    for kept in masks.values():
        kept.exchange(ranks)
    return {
        layer: with_chance(dissected, masks[layer], trials[layer], number)
        for layer, dissected in layers.items()
    }


def with_chance(
    layer: LayerDissection, masks: KeptMasks, trial: Trial, number: Number
) -> LayerDissection:
    """Return a layer with the results of its draws of chance."""

    def drawn() -> DrawnChance:
        return DrawnChance(masks=masks.table(), draws=trial.draws.as_arrays())

    units, chance = judge(layer.units, trial.observed, trial.draws, number)
    settings = {**layer.summary["settings"], "null": number}
    summary = {**layer.summary, "chance": chance, "settings": settings}
    return replace(layer, units=units, summary=summary, drawn=drawn)


def make_draws(null: Null, trials: Mapping[str, Trial], number: Number, progress: Progress) -> None:
    """Permute the labels as often as asked for, or until it is decided, layer by layer.

    Earlier draws are kept. With "auto" the user is told at the start how many draws there can be
    and, after the first ones, how long they may take.
    """
    if number == "auto":
        max_draws = max(trial.observed.max_draws for trial in trials.values())
        progress.say(
            f"drawing until chance is decided: {min(FIRST_LOOK, max_draws)} draws of chance at "
            f"least, and at most {max_draws:,}, of the units that are still open alone"
        )
    while True:
        requests = {
            layer: request
            for layer, trial in trials.items()
            if (request := trial.draws.next(number, trial.observed)) is not None
        }
        if not requests:
            return
        first = min(request.first for request in requests.values())
        due = {layer: request for layer, request in requests.items() if request.first == first}
        ends = {request.last for request in due.values()}
        ends |= {request.first for request in requests.values()}
        last = min(end for end in ends if end > first)
        _draw(null, trials, due, range(first, last), progress)


def _draw(
    null: Null,
    trials: Mapping[str, Trial],
    requests: Mapping[str, Request],
    draws: range,
    progress: Progress,
) -> None:
    units = {layer: request.units for layer, request in requests.items()}
    step = null.at_a_time(units)
    for layer in units:
        trials[layer].draws.make_room(draws.stop)
    title = f"draws of chance {draws.start + 1:,} to {draws.stop:,}"
    with progress.task(title, null.image_count * len(draws)) as task:
        for start in range(draws.start, draws.stop, step):
            began = time.monotonic()
            portion = range(start, min(start + step, draws.stop))
            for layer, tally in null.count(units, portion, task).items():
                trial = trials[layer]
                for index, draw in enumerate(portion):
                    ious = tally.ious(trial.overlap, trial.categories, index)
                    trial.draws.take(draw, units[layer], ious, trial.observed, trial.iou)
            if start == draws.start >= FIRST_LOOK and any(
                len(drawn) < len(trials[layer].draws.counted) for layer, drawn in units.items()
            ):
                seconds = (time.monotonic() - began) / len(portion)
                _say_what_it_may_take(trials, units, start, seconds, progress)


def _say_what_it_may_take(
    trials: Mapping[str, Trial],
    units: Mapping[str, np.ndarray],
    made: int,
    seconds: float,
    progress: Progress,
) -> None:
    """Tell how many more draws the decision may take, and how long."""
    max_draws = max(trials[layer].observed.max_draws for layer in units)
    left = ", ".join(f"{layer}: {len(drawn):,}" for layer, drawn in units.items())
    progress.say(
        f"units still open after {counted(made, 'draw')} of chance: {left}; at most "
        f"{counted(max_draws, 'draw')}, "
        f"about {duration(seconds * (max_draws - made))} more"
    )


@contextmanager
def told_where_memory_ends(device: torch.device) -> Iterator[None]:
    """Turn a GPU's lack of memory into a ConfigError that says what takes less."""
    try:
        yield
    except torch.OutOfMemoryError as error:  # the forward pass has made its portions smaller
        raise ConfigError(
            f"the memory of {device} does not hold what is counted beside the forward pass: take a "
            "smaller batch size, less memory for kept maps, fewer layers at a time or fewer draws"
        ) from error
