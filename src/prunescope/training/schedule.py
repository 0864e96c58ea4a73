"""Which learning rate does an iteration take?"""

import math

from prunescope.base.steps import Step
from prunescope.training.settings import TrainingSettings


def learning_rate_at(step: Step, settings: TrainingSettings) -> float:
    """Return the learning rate of the iteration taken at `step`.

    Warm-up of w iterations gives iteration i the share i / w, so the very first has rate 0, as in
    the lottery-ticket authors' code (OpenLTH). A milestone counts from its own iteration on.
    The cosine falls from the end of the warm-up to 0 at `to`. "one-cycle" is torch's OneCycleLR
    with its two cosines, over all steps to `to` (Smith & Topin 2019).
    """
    rate = settings.learning_rate
    if settings.schedule == "one-cycle":
        return rate * _one_cycle(step, settings)
    warmup, to = (Step.parse(text, step.per_epoch) for text in (settings.warmup, settings.to))
    if step < warmup:
        rate *= step.iteration / warmup.iteration
    if settings.schedule == "cosine":
        return rate * _cosine(step, warmup, to)
    milestones = [Step.parse(text, step.per_epoch) for text in settings.milestones]
    return rate * math.pow(settings.gamma, sum(milestone <= step for milestone in milestones))


def _cosine(step: Step, high: Step, low: Step) -> float:
    if step >= low:
        return 0.0
    if step <= high:
        return 1.0
    done = (step.iteration - high.iteration) / (low.iteration - high.iteration)
    return _descent(done)


def _one_cycle(step: Step, settings: TrainingSettings) -> float:
    """Return the share of the highest rate: first / div_factor, then 1, then the last."""
    total = Step.parse(settings.to, step.per_epoch).iteration
    first = 1 / settings.div_factor
    last = first / settings.final_div_factor
    highest_at, last_at = settings.pct_start * total - 1, total - 1
    if step.iteration >= last_at:
        return last
    if step.iteration > highest_at:
        done = (step.iteration - highest_at) / (last_at - highest_at)
        return last + (1 - last) * _descent(done)
    done = step.iteration / highest_at if highest_at else 1.0
    return 1 + (first - 1) * _descent(done)


def _descent(done: float) -> float:
    """Fall along half a cosine from 1 (nothing done) to 0 (all)."""
    return (1 + math.cos(math.pi * done)) / 2
