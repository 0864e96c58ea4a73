"""What does a training need to know, and which values make sense?"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from pydantic import Field, model_validator

from prunescope.base.images import Channels, Precision
from prunescope.base.settings import (
    Batch,
    ExpectedMean,
    ExpectedStd,
    ForwardBatch,
    ForwardPrecision,
    Later,
    Limit,
    NeverKeyed,
    Pixels,
    Rate,
    Settings,
)
from prunescope.base.steps import Step, StepText
from prunescope.data.choice import ClassSetting
from prunescope.data.settings import Augmentation

Decayed = Literal["all", "not-normalisation", "weights"]

_ONE_CYCLE = ("pct_start", "div_factor", "final_div_factor")


class TrainingSettings(Settings):
    """Stochastic gradient descent from step 0 to step `to`, and its schedule."""

    to: StepText
    """The step at which training is over, as in 160ep; the cosine reaches 0 there."""
    batch_size: Batch
    """Images per step; the last batch of an epoch may be smaller."""
    learning_rate: Rate
    """The highest rate; warm-up rises to it."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of stochastic gradient descent, as torch's SGD has it."""
    nesterov: bool = False
    """Nesterov's momentum, as torch's SGD has it."""
    weight_decay: Annotated[float, Field(ge=0, le=1e15)]
    """Added to the gradient, times the weight."""
    weight_decay_on: Annotated[Decayed, Later()] = "all"
    """Which parameters decay: "all"; "not-normalisation" spares the gains and biases of
    normalisation layers; "weights" spares all other biases, too."""
    schedule: Literal["milestones", "cosine", "one-cycle"] = "milestones"
    """The rate over time: "milestones" steps down; "cosine" falls smoothly to 0; "one-cycle" rises
    and falls."""
    warmup: StepText = "0ep"
    """How long the rate rises, linearly, from 0 (not "one-cycle")."""
    milestones: tuple[StepText, ...] = ()
    """The steps at each of which the rate is multiplied by gamma ("milestones" only)."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """The factor of the rate at each milestone ("milestones" only)."""
    pct_start: Annotated[float, Field(gt=0, lt=1), Later()] = 0.3
    """Share of training in which the rate rises ("one-cycle" only), as torch's OneCycleLR has it;
    momentum stays as it is."""
    div_factor: Annotated[float, Field(ge=1, le=1e15), Later()] = 25.0
    """The highest rate divided by the first ("one-cycle" only)."""
    final_div_factor: Annotated[float, Field(ge=1, le=1e15), Later()] = 1e4
    """The first rate divided by the last ("one-cycle" only)."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1), Later()] = 0.0
    """Share of the label's weight in the loss that is spread over all classes; losses on test
    images are never smoothed."""
    zero_last_gamma: Annotated[bool, Later()] = False
    """Start the last normalisation of every residual block with gain 0, so that the block starts
    as its shortcut (Goyal et al. 2017, section 5.1)."""
    precision: Precision = "float32"
    """In "bf16", forward and backward are computed in bfloat16; weights and loss stay float32."""
    channels_last: bool = False
    """The memory format of weights and batches; faster for bf16 convolutions."""
    augmentation: Augmentation | None = None
    """How images are altered; by default they are shown as they are."""
    evaluate_every: Annotated[StepText | Literal["end"], NeverKeyed()] = "1ep"
    """How often accuracy on the test images goes into the history, as in 2ep or 500it; "end"
    measures it at the end of training alone. It changes no weight."""

    @model_validator(mode="after")
    def _agree(self) -> "TrainingSettings":
        if self.evaluate_every != "end" and Step.parse(self.evaluate_every, 1).iteration == 0:
            raise ValueError(f"evaluate_every is {self.evaluate_every}, but must be a step above 0")
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


class EvaluationSettings(Settings):
    """How accuracy and loss are measured on labelled images."""

    split: str = "test"
    """The split to measure on."""
    resolution: Pixels | None = None
    """Side in pixels that images are squashed to; by default published weights are shown what their
    library measures them on, any other network the images as they are stored."""
    resize: Pixels | None = None
    """Shorter side in pixels to which images are resized before the square of the resolution is
    cut from the centre; by default they are squashed."""
    mean: ExpectedMean = None
    std: ExpectedStd = None
    classes: ClassSetting = None
    limit: Limit = None
    batch_size: ForwardBatch = 256
    precision: ForwardPrecision = "float32"


class EvaluationOptions(TypedDict, total=False):
    """The settings of an evaluation, as a function takes them by keyword."""

    split: str
    resolution: int | None
    resize: int | None
    mean: Channels | float | None
    std: Channels | float | None
    classes: int | Iterable[str] | str | Path | None
    limit: int | None
    batch_size: int
    precision: Precision
