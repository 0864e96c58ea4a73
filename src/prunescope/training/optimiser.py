"""Which optimizer trains, at which rate, and to which parameters does weight decay apply?"""

import math
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import SGD, AdamW, Optimizer

from prunescope.base.steps import Step
from prunescope.training.settings import Decayed, TrainingSettings

_NORMALISATIONS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


def optimizer_of(network: nn.Module, settings: TrainingSettings, start: Step) -> Optimizer:
    """Return a network's optimizer, which remembers nothing, for a training begun at a step."""
    groups = decay_groups(network, settings.weight_decay, settings.weight_decay_on)
    rate = learning_rate_at(start, settings)
    if settings.optimizer == "adamw":
        return AdamW(groups, lr=rate, betas=settings.betas, foreach=True)
    return SGD(
        groups, lr=rate, momentum=settings.momentum, nesterov=settings.nesterov, foreach=True
    )


def decay_groups(network: nn.Module, weight_decay: float, on: Decayed) -> list[dict[str, Any]]:
    """Return the parameters for an optimizer, in groups of equal weight decay.

    on: "all" decays every parameter. "not-normalisation" spares the parameters of normalisation
        layers (the ResNet-50 of Frankle & Bau 2019). "weights" spares all other biases, too
        ("no bias decay" of He et al. 2019, Bag of Tricks, section 3.1).
    """
    spared = set() if on == "all" else _of_normalisation(network)
    if on == "weights":
        spared |= {name for name, _ in network.named_parameters() if name.endswith("bias")}
    parameters = list(network.named_parameters())
    decayed = [parameter for name, parameter in parameters if name not in spared]
    rest = [parameter for name, parameter in parameters if name in spared]
    groups = ((decayed, weight_decay), (rest, 0.0))
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]


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


def _of_normalisation(network: nn.Module) -> set[str]:
    return {
        f"{path}.{name}" if path else name
        for path, module in network.named_modules()
        if isinstance(module, _NORMALISATIONS)
        for name, _ in module.named_parameters()
    }


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
