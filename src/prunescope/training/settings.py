"""What does a training need to know, and which values make sense?"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from pydantic import (
    AfterValidator,
    Field,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from prunescope.base.errors import ConfigError
from prunescope.base.forward_settings import (
    ForwardArithmetic,
    ForwardBatch,
    ForwardPrecision,
    plain_in_bfloat16,
)
from prunescope.base.images import Arithmetic, Channels, Precision
from prunescope.base.settings import (
    Batch,
    ExpectedMean,
    ExpectedStd,
    Later,
    Limit,
    NeverKeyed,
    Pixels,
    Rate,
    Seed,
    Settings,
)
from prunescope.base.steps import Step, StepText
from prunescope.base.text import belong
from prunescope.data.choice import ClassSetting
from prunescope.data.settings import Augmentation
from prunescope.training.trackers import TRACKERS

Decayed = Literal["all", "not-normalisation", "weights"]
FinetuningSchedule = Literal["constant", "cosine"]
"""The learning rate of fine-tuning over time."""

_ONE_CYCLE = ("pct_start", "div_factor", "final_div_factor")
_OF_SGD = ("momentum", "nesterov")
_AFTER_THE_LAST_STEP = ("ema", "recalibrate")
Beta = Annotated[float, Field(ge=0, lt=1)]
Alpha = Annotated[float, Field(ge=1e-3, le=1e3)]


def _tracker(name: str) -> str:
    try:
        return TRACKERS.check(name)
    except ConfigError as error:
        raise ValueError(str(error)) from None


Tracker = Annotated[str, AfterValidator(_tracker), WithJsonSchema({"enum": list(TRACKERS.names)})]


class TrainingSettings(Settings):
    """Training from step 0 to step `to`: its optimizer, its schedule, how images are mixed."""

    to: StepText
    """The step at which training is over, as in 160ep; the cosine reaches 0 there."""
    batch_size: Batch
    """Images per step; the last batch of an epoch may be smaller."""
    learning_rate: Rate
    """The highest rate; warm-up rises to it."""
    optimizer: Annotated[Literal["sgd", "adamw"], Later()] = "sgd"
    """Stochastic gradient descent with momentum, or AdamW (Loshchilov & Hutter 2019), each as torch
    has it."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of stochastic gradient descent, as torch's SGD has it ("sgd" only)."""
    nesterov: bool = False
    """Nesterov's momentum, as torch's SGD has it ("sgd" only)."""
    betas: Annotated[tuple[Beta, Beta], Later()] = (0.9, 0.999)
    """How much of the averages of the gradient and of its square each step keeps, as torch's AdamW
    has it ("adamw" only)."""
    weight_decay: Annotated[float, Field(ge=0, le=1e15)]
    """Of "sgd": added to the gradient, times the weight. Of "adamw": times the rate, the share that
    each step takes from the weight."""
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
    mixup: Annotated[Alpha | None, Later()] = None
    """Blend each image and its label with another of its batch; this is alpha, and the share is
    drawn from Beta(alpha, alpha) at each step (Zhang et al. 2018)."""
    cutmix: Annotated[Alpha | None, Later()] = None
    """Paste a box of another image of the batch into each, with its share of the label, drawn as
    for mixup (Yun et al. 2019). With both, each step draws one of them, equally likely."""
    clip_norm: Annotated[Annotated[float, Field(gt=0, le=1e15)] | None, Later()] = None
    """Scale the gradient of all weights that are left down to this Euclidean norm where it is
    larger; by default it stays as it is."""
    ema: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, Later()] = None
    """Save, evaluate and dissect the exponential moving average of the weights; each step keeps
    this share of the average (0.999). By default the last weights are saved."""
    recalibrate: Annotated[Annotated[int, Field(ge=1, le=1_000_000)] | None, Later()] = None
    """After the last step, estimate the running means and variances of batch normalisation anew,
    from so many batches of training images; by default they stay as training left them."""
    keep_checkpoints: Annotated[StepText | None, Later()] = None
    """How often the weights are also kept during training, as in 10ep or 500it; by default only
    the last are."""
    zero_last_gamma: Annotated[bool, Later()] = False
    """Start the last normalisation of every residual block with gain 0, so that the block starts
    as its shortcut (Goyal et al. 2017, section 5.1)."""
    precision: Precision = "float32"
    """In "bf16", forward and backward are computed in bfloat16; weights and loss stay float32."""
    channels_last: bool = False
    """The memory format of weights and batches; faster for bf16 convolutions."""
    compile: Annotated[bool, Later()] = False
    """Have torch compile forward and backward pass: minutes first, which long trainings on a GPU
    earn back. Results differ in their last digits."""
    augmentation: Augmentation | None = None
    """How images are altered; by default they are shown as they are."""
    evaluate_every: Annotated[StepText | Literal["end"], NeverKeyed()] = "1ep"
    """How often accuracy on the test images goes into the history, as in 2ep or 500it; "end"
    measures it at the end of training alone. It changes no weight."""
    track: Annotated[Tracker | None, NeverKeyed()] = None
    """Where the history of every training is also shown while it goes on; it changes no number."""

    @model_validator(mode="after")
    def _agree(self) -> "TrainingSettings":
        for name in ("evaluate_every", "keep_checkpoints"):
            every = getattr(self, name)
            if every not in (None, "end") and Step.parse(every, 1).iteration == 0:
                raise ValueError(f"{name} is {every}, but must be a step above 0")
        for name in ("mixup", "cutmix"):
            if getattr(self, name) is not None and self.batch_size == 1:
                raise ValueError(f"{name} mixes images of a batch, but batch_size is 1")
        return self

    @model_validator(mode="after")
    def _optimizer_agrees(self) -> "TrainingSettings":
        if self.optimizer == "adamw":
            stated = [name for name in _OF_SGD if name in self.model_fields_set]
            if stated:
                raise ValueError(
                    f'{belong(stated)} to optimizer "sgd", but optimizer is "adamw", '
                    "which has betas instead: leave them out"
                )
        elif self.betas != type(self).model_fields["betas"].default:
            raise ValueError('betas belong to optimizer "adamw", but optimizer is "sgd"')
        elif self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self

    @model_validator(mode="after")
    def _schedule_agrees(self) -> "TrainingSettings":
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
                f'{belong(changed)} to schedule "one-cycle", but schedule is "{self.schedule}"'
            )
        return self

    @model_serializer(mode="wrap")
    def _without_what_the_optimizer_lacks(
        self, serialize: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """Write no momentum of an optimizer that has none, which would be refused when read."""
        values = serialize(self)
        if self.optimizer == "sgd":
            return values
        return {name: value for name, value in values.items() if name not in _OF_SGD}

    def finetuning(
        self, learning_rate: float, steps: str, schedule: FinetuningSchedule = "constant"
    ) -> "TrainingSettings":
        """Return settings that train so many steps at a rate, or falling from it, all else equal.

        schedule: "cosine" falls to 0 at the last step.
        """
        fields = type(self).model_fields
        names = ("schedule", "warmup", "milestones", "gamma", *_ONE_CYCLE)
        constant = {name: fields[name].default for name in names}
        shape = {} if schedule == "constant" else {"schedule": schedule}
        update = constant | shape | {"learning_rate": learning_rate, "to": steps}
        return self.model_copy(update=update)

    def kept_between(self, start: Step, end: Step) -> range:
        """Return the iterations at which weights are kept, strictly between two steps."""
        if self.keep_checkpoints is None:
            return range(0)
        every = Step.parse(self.keep_checkpoints, start.per_epoch).iteration
        return range((start.iteration // every + 1) * every, end.iteration, every)

    def unfinished(self) -> "TrainingSettings":
        """Return settings of a training that another goes on with: its last weights count."""
        return self.model_copy(update=dict.fromkeys(_AFTER_THE_LAST_STEP))


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
    arithmetic: ForwardArithmetic = "folded"

    @model_validator(mode="before")
    @classmethod
    def _bfloat16_is_plain(cls, values: Any) -> Any:
        return plain_in_bfloat16(values)


class TimingSettings(Settings):
    """How two networks are timed beside each other."""

    rounds: Annotated[int, Field(ge=0, le=10_000)] = 30
    """Rounds in which either network is timed on one image, in turns; 0 times nothing."""


class TimingOptions(TypedDict, total=False):
    """The settings of a timing, as a function takes them by keyword."""

    rounds: int


class AblationSettings(Settings):
    """With what the loss of units is compared."""

    controls: Annotated[int, Field(ge=0, le=10_000)] = 10
    """How many sets of as many random other units of the layer are ablated, too, one by one."""
    seed: Seed = 0
    """Of the random units."""


class PlainEvaluationOptions(TypedDict, total=False):
    """The settings of an evaluation that computes plainly, as a function takes them by keyword."""

    split: str
    resolution: int | None
    resize: int | None
    mean: Channels | float | None
    std: Channels | float | None
    classes: int | Iterable[str] | str | Path | None
    limit: int | None
    batch_size: int
    precision: Precision


class EvaluationOptions(PlainEvaluationOptions, total=False):
    """The settings of an evaluation, as a function takes them by keyword."""

    arithmetic: Arithmetic


class AblationOptions(PlainEvaluationOptions, total=False):
    """The settings of an ablation, as a function takes them by keyword."""

    controls: int
    seed: int
