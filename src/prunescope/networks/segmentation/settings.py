"""Which network labels the pixels of photographs, and what of its answers is kept?"""

from pathlib import Path
from typing import Annotated, TypedDict

from pydantic import Field

from prunescope.base.forward_settings import ForwardBatch
from prunescope.base.images import Channels
from prunescope.base.settings import ExpectedMean, ExpectedStd, Limit, Pixels, Settings

NOTHING = "none"
"""Stated as the background, it keeps every class."""


class SegmentationSettings(Settings):
    """How photographs are labelled by a network for semantic segmentation."""

    model: str
    """torchvision:NAME, transformers:FOLDER or NAME on the Hugging Face hub, or
    package.module:function, which returns the network."""
    weights: str | None = None
    """A file of weights; what torchvision publishes, DEFAULT or by its name, which is the default
    there; or random, as a control."""
    names: str | None = None
    """A text file with the names of the classes, a line each in the order of the network's outputs;
    by default those that come with the network."""
    background: str | None = None
    """The class that means that there is nothing, and is left out: its name, or none; by default
    __background__ or background if there is such a class."""
    confidence: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """A pixel carries no label if the probability of its class, by softmax, is below this."""
    resolution: Pixels | None = None
    """Shorter side in pixels at which the network sees photographs, and the longest that a label
    map's shorter side gets; by default as the network's own preparation has it."""
    mean: ExpectedMean = None
    std: ExpectedStd = None
    split: str | None = None
    """Label only the images of this split; by default all."""
    limit: Limit = None
    skip_broken: bool = False
    """Leave out photographs that cannot be read, at most 1 % of all."""
    batch_size: ForwardBatch = 8


class SegmentationOptions(TypedDict, total=False):
    """The settings of a segmentation, as a function takes them by keyword."""

    weights: Path | str | None
    names: Path | str | None
    background: str | None
    confidence: float
    resolution: int | None
    mean: Channels | None
    std: Channels | None
    split: str | None
    limit: int | None
    skip_broken: bool
    batch_size: int
