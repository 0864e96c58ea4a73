"""What can be chosen about resampling images, and about the verdict on a study?"""

from typing import Annotated, TypedDict

from pydantic import Field, model_validator

from prunescope.base.settings import Seed, Settings


class ResamplingSettings(Settings):
    """How images are resampled, to see how sure the counts are."""

    draws: Annotated[int, Field(ge=0, le=100_000)] = 1000
    """How often the images are resampled to see how sure the counts are; 0 for not at all."""
    seed: Seed = 0
    """From which images are drawn."""


class ResamplingOptions(TypedDict, total=False):
    """The settings of resampling, as a function takes them by keyword."""

    draws: int
    seed: int


class LabelCheckSettings(Settings):
    """On which images labels are chosen, and on which others they are checked."""

    label_on: Annotated[str | None, Field(examples=["train"])] = None
    """Choose each unit's label on the images of this split alone, to check it on others."""
    check_on: Annotated[str | None, Field(examples=["val"])] = None
    """Check these labels, and their IoUs, on the images of this split."""

    @model_validator(mode="after")
    def _two_splits(self) -> "LabelCheckSettings":
        if (self.label_on is None) != (self.check_on is None):
            missing = "label_on" if self.label_on is None else "check_on"
            raise ValueError(f"{missing} is missing: labels of one split are checked on another")
        if self.label_on is not None and self.label_on == self.check_on:
            raise ValueError(
                f'label_on and check_on are both "{self.label_on}": check labels on other images'
            )
        return self

    @property
    def asked(self) -> bool:
        """Whether labels are to be checked at all."""
        return self.label_on is not None


class LabelCheckOptions(TypedDict, total=False):
    """The same, as a function takes them by keyword."""

    label_on: str | None
    check_on: str | None


class VerdictSettings(Settings):
    """When accuracy holds, and which change of a count is none."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share by which a count may fall, or rise by as large a factor, and still be called
    unchanged."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """The risk of a wrong verdict: intervals are of 1 - alpha, and of 1 - 2 alpha for "unchanged".
    Where replicates were added after a verdict, it is divided by the number of verdicts."""
    mean_loss: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Accuracy holds at a level where, in the mean over replicates, it is at most so many points
    below that of level 0."""
    largest_loss: Annotated[float, Field(ge=0, le=100)] = 2.0
    """Accuracy holds only where no replicate loses more points than this."""
