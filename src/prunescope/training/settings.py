"""What does a training need to know, and which values make sense?"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from prunescope.base.images import Precision
from prunescope.base.settings import Batch, Later, Rate, Settings
from prunescope.base.steps import Step, StepText
from prunescope.data.settings import Augmentation

Decayed = Literal["all", "not-normalisation", "weights"]

_ONE_CYCLE = ("pct_start", "div_factor", "final_div_factor")


class TrainingSettings(Settings):
    """Stochastic gradient descent from step 0 to step `to`, and its schedule.

    to: the step at which training is over, "160ep"; the cosine reaches 0 there.
    batch_size: images per step; the last batch of an epoch may be smaller.
    learning_rate: the highest rate; warm-up rises to it.
    momentum, nesterov: of stochastic gradient descent, as torch's SGD has them.
    weight_decay: added to the gradient, times the weight.
    weight_decay_on: "all" parameters; "not-normalisation" spares the gains and biases of
        normalisation layers; "weights" spares all other biases, too.
    schedule: "milestones" steps down; "cosine" falls smoothly to 0; "one-cycle" rises and falls.
    warmup: how long the rate rises, linearly, from 0 (not "one-cycle").
    milestones, gamma: the rate is multiplied by gamma at each of these steps ("milestones" only).
    pct_start, div_factor, final_div_factor: as torch's OneCycleLR has them ("one-cycle" only): the
        share of training in which the rate rises, by what the highest rate is divided for the
        first, and by what that is for the last. Momentum stays as it is.
    label_smoothing: share of the label's weight in the loss that is spread over all classes.
    zero_last_gamma: the last normalisation of every residual block starts with gain 0, so that
        the block starts as its shortcut (Goyal et al. 2017, section 5.1).
    precision: "bf16" computes forward and backward in bfloat16; weights and loss stay float32.
    channels_last: the memory format of weights and batches; faster for bf16 convolutions.
    augmentation: None shows every image as it is.
    """

    to: StepText
    batch_size: Batch
    learning_rate: Rate
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0, le=1e15)]
    weight_decay_on: Annotated[Decayed, Later()] = "all"
    schedule: Literal["milestones", "cosine", "one-cycle"] = "milestones"
    warmup: StepText = "0ep"
    milestones: tuple[StepText, ...] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    pct_start: Annotated[float, Field(gt=0, lt=1), Later()] = 0.3
    div_factor: Annotated[float, Field(ge=1, le=1e15), Later()] = 25.0
    final_div_factor: Annotated[float, Field(ge=1, le=1e15), Later()] = 1e4
    label_smoothing: Annotated[float, Field(ge=0, lt=1), Later()] = 0.0
    zero_last_gamma: Annotated[bool, Later()] = False
    precision: Precision = "float32"
    channels_last: bool = False
    augmentation: Augmentation | None = None

    @model_validator(mode="after")
    def _agree(self) -> "TrainingSettings":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        if self.schedule != "milestones" and self.milestones:
            raise ValueError(
                f'milestones belong to schedule "milestones", but schedule is "{self.schedule}"'
            )
        if self.schedule == "one-cycle" and Step.parse(self.warmup, 1).iteration:
            raise ValueError(
                f'warmup is {self.warmup}, but schedule "one-cycle" has a rise of its own: '
                "leave out warmup and give pct_start"
            )
        fields = type(self).model_fields
        changed = [name for name in _ONE_CYCLE if getattr(self, name) != fields[name].default]
        if self.schedule != "one-cycle" and changed:
            raise ValueError(
                f'{", ".join(changed)} belong to schedule "one-cycle", '
                f'but schedule is "{self.schedule}"'
            )
        return self

    def finetuning(self, learning_rate: float, steps: str) -> "TrainingSettings":
        """Return settings that train so many steps at one constant rate, all else equal."""
        fields = type(self).model_fields
        shape = ("schedule", "warmup", "milestones", "gamma", *_ONE_CYCLE)
        constant = {name: fields[name].default for name in shape}
        return self.model_copy(update=constant | {"learning_rate": learning_rate, "to": steps})
