"""What does a caller of a training have done along the way?"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from prunescope.base.steps import Step
from prunescope.training.tracking import Row


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What is called while a network is trained, see `train`."""

    at_start: Callable[[Optimizer], None] | None = None
    before_step: Callable[[], None] | None = None
    after_step: Callable[[Optimizer], None] | None = None
    test: Callable[[nn.Module], float] | None = None
    keep: Callable[[nn.Module, Step], None] | None = None
    log: Callable[[Row], None] | None = None
