"""How are labels permuted among images until it is known what is due to chance?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from prunescope.base.progress import Progress, duration
from prunescope.dissection.draws import Draws, Number, Observed, Request
from prunescope.dissection.null import Null
from prunescope.dissection.overlap import Overlap
from prunescope.dissection.scores import NO_LABEL
from prunescope.dissection.sequential import FIRST_LOOK


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A layer whose labels are permuted.

    overlap: its counts where the labels belong. categories: only their labels count. iou: a unit
    is interpretable above it. draws: those made so far, which grow.
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

        units: as `score_units` makes them. draws: those made so far; none when None.
        """
        allowed = overlap.allowed(categories)
        numbers = overlap.label_numbers.numpy()[allowed]
        labels = units["label"].to_numpy(np.int64, na_value=NO_LABEL)
        column = np.where(labels == NO_LABEL, NO_LABEL, np.searchsorted(numbers, labels))
        return cls(
            overlap=overlap,
            categories=categories,
            iou=iou,
            observed=Observed(
                iou=units["iou"].to_numpy(np.float64),
                column=column,
                labels=int((overlap.truth.numpy()[allowed] > 0).sum()),
                interpretable=units["interpretable"].to_numpy(np.bool_),
            ),
            draws=Draws(len(units)) if draws is None else draws,
        )


def make_draws(null: Null, trials: Mapping[str, Trial], number: Number, progress: Progress) -> None:
    """Permute the labels as often as asked for, or until it is decided, layer by layer.

    What was drawn before is taken as it is. Drawing until it is decided, the user is told what
    the most draws would take as soon as a few show their pace.
    """
    while True:
        asked = {layer: trial.draws.next(number, trial.observed) for layer, trial in trials.items()}
        requests = {layer: request for layer, request in asked.items() if request is not None}
        if not requests:
            return
        first = min(request.first for request in requests.values())
        now = {layer: own for layer, own in requests.items() if own.first == first}
        ends = {own.last for own in now.values()} | {own.first for own in requests.values()}
        last = min(end for end in ends if end > first)
        _draw(null, trials, now, range(first, last), progress)


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
    with progress.task(title, null.images * len(draws)) as task:
        for start in range(draws.start, draws.stop, step):
            began = time.monotonic()
            some = range(start, min(start + step, draws.stop))
            tallies = null.count(units, some, task)
            for layer, trial in trials.items():
                for place, draw in enumerate(some if layer in tallies else ()):
                    ious = tallies[layer].ious(trial.overlap, trial.categories, place)
                    trial.draws.take(draw, units[layer], ious, trial.observed, trial.iou)
            if start == draws.start >= FIRST_LOOK and any(
                len(own) < len(trials[layer].draws.counted) for layer, own in units.items()
            ):
                seconds = (time.monotonic() - began) / len(some)
                _say_what_it_may_take(trials, units, start, seconds, progress)


def _say_what_it_may_take(
    trials: Mapping[str, Trial],
    units: Mapping[str, np.ndarray],
    made: int,
    seconds: float,
    progress: Progress,
) -> None:
    """Say, drawing until it is decided, how many draws and how long there may still be to go."""
    most = max(trials[layer].observed.most for layer in units)
    left = ", ".join(f"{layer}: {len(own):,}" for layer, own in units.items())
    progress.say(
        f"units still open after {made:,} draws of chance: {left}; at most {most:,} draws, "
        f"about {duration(seconds * (most - made))} more"
    )
