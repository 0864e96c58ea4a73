"""Which learning rate does an iteration take?"""

import math

from prunescope.base.steps import Step
from prunescope.training.settings import TrainingSettings


def learning_rate_at(step: Step, settings: TrainingSettings) -> float:
    """Return the learning rate of the iteration taken at `step`.

    Warm-up of w iterations gives iteration i the share i / w, so the very first has rate 0, as in
    the lottery-ticket authors' code (OpenLTH). A milestone counts from its own iteration on.
    The cosine falls from the end of the warm-up to 0 at `to`.
    """
    rate = settings.learning_rate
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
    return (1 + math.cos(math.pi * done)) / 2
