"""What can be chosen about resampling images, and about the verdict on a study?"""

from typing import Annotated, TypedDict

from pydantic import Field

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
