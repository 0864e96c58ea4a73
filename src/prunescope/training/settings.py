"""What does a training need to know, and which values make sense?"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from prunescope.base.images import Precision
from prunescope.base.settings import Settings
from prunescope.base.steps import StepText
from prunescope.data.loader import Augmentation


class TrainingSettings(Settings):
    """Stochastic gradient descent from step 0 to step `to`, and its schedule.

    to: the step at which training is over, "160ep"; the cosine reaches 0 there.
    batch_size: images per step; the last batch of an epoch may be smaller.
    learning_rate: the highest rate; warm-up rises to it.
    momentum, nesterov: of stochastic gradient descent, as torch's SGD has them.
    weight_decay: added to the gradient, times the weight.
    schedule: "milestones" steps down; "cosine" falls smoothly to 0.
    warmup: how long the rate rises, linearly, from 0.
    milestones, gamma: the rate is multiplied by gamma at each of these steps ("milestones" only).
    precision: "bf16" computes forward and backward in bfloat16; weights and loss stay float32.
    channels_last: the memory format of weights and batches; faster for bf16 convolutions.
    augmentation: None shows every image as it is.
    """

    to: StepText
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)]
    schedule: Literal["milestones", "cosine"] = "milestones"
    warmup: StepText = "0ep"
    milestones: tuple[StepText, ...] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    precision: Precision = "float32"
    channels_last: bool = False
    augmentation: Augmentation | None = None

    @model_validator(mode="after")
    def _agree(self) -> "TrainingSettings":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        if self.schedule == "cosine" and self.milestones:
            raise ValueError('milestones belong to schedule "milestones", but schedule is "cosine"')
        return self
