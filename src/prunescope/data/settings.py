"""Which labelled photographs are used, how are they cut, and how altered in training?"""

from typing import Annotated

from pydantic import Field, model_validator

from prunescope.base.settings import (
    Bytes,
    ExpectedMean,
    ExpectedStd,
    Later,
    NeverKeyed,
    Pixels,
    Settings,
)
from prunescope.data.choice import ClassSetting

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CentreCrop(Settings):
    """Resize the shorter side and cut the centre, as published accuracies are measured."""

    resize: Pixels
    """Pixels of the shorter side, from whose centre a square is cut; the longer side follows."""
    crop: Pixels | None = None
    """Side of the square in pixels; by default the resolution."""

    @model_validator(mode="after")
    def _agree(self) -> "CentreCrop":
        if self.crop is not None and self.crop > self.resize:
            raise ValueError(
                f"a crop of {self.crop} pixels does not fit a shorter side of {self.resize}"
            )
        return self


class DataSettings(Settings):
    """The labelled photographs a study trains and is measured on."""

    source: str
    """A folder of parquet files, an image folder, a hub name, or "scenes" (embedded)."""
    train_split: str = "train"
    """The split that is trained on."""
    test_split: str = "test"
    """The split on which accuracy is measured."""
    resolution: Pixels | None = None
    """Side in pixels that images are squashed to; by default they stay as they are."""
    mean: ExpectedMean = None
    std: ExpectedStd = None
    memory: Annotated[Bytes, NeverKeyed()] = Field(default="4GiB", validate_default=True)
    """Budget for the decoded images of a split; where they need more, they are decoded anew for
    every batch. It changes no number."""
    evaluation: Annotated[CentreCrop | None, Later()] = None
    """How test images are cut; by default they are squashed to the resolution."""
    classes: Annotated[ClassSetting, Later()] = None
    limit: Annotated[Annotated[int, Field(ge=1)] | None, Later()] = None
    """Train on so many images only, as many of each class as of any other where they suffice; by
    default on all. Which ones depends on no other setting, and a smaller set lies within a larger
    one. Test images are never left out."""
    label_noise: Annotated[float, Field(ge=0, le=1), Later()] = 0.0
    """Share of the training images that get a wrong label, any of the others with equal
    probability; which ones depends on no other setting. Test images keep theirs."""

    @model_validator(mode="after")
    def _agree(self) -> "DataSettings":
        if self.evaluation is not None and self.evaluation.crop is None:
            if self.resolution is None:
                raise ValueError("evaluation needs a crop, or the data a resolution to crop to")
            CentreCrop(resize=self.evaluation.resize, crop=self.resolution)
        return self


class RandomResizedCrop(Settings):
    """A box of random area, shape and position, brought to the resolution (Szegedy et al. 2015)."""

    area: tuple[Positive, Positive] = (0.08, 1.0)
    """Least and greatest share of the image's area."""
    aspect: tuple[Positive, Positive] = (3 / 4, 4 / 3)
    """Least and greatest width divided by height; its logarithm is uniform."""

    @model_validator(mode="after")
    def _agree(self) -> "RandomResizedCrop":
        for name, (least, greatest) in (("area", self.area), ("aspect", self.aspect)):
            if least > greatest:
                raise ValueError(f"{name} runs from {least} to {greatest}: give the lesser first")
        if self.area[1] > 1:
            raise ValueError(f"area goes up to {self.area[1]}, but is a share: at most 1")
        return self


class Augmentation(Settings):
    """How training images are altered, anew in every epoch."""

    pad: Annotated[int, Field(ge=0, le=16_384)] = 0
    """Pixels of black on every side before a window of the image's size is cut at random."""
    flip: bool = False
    """Mirror left and right with probability 1/2."""
    random_resized_crop: Annotated[RandomResizedCrop | None, Later()] = None
    """Show a part of the photograph as it is stored, before any squashing."""

    @model_validator(mode="after")
    def _agree(self) -> "Augmentation":
        if self.pad and self.random_resized_crop is not None:
            raise ValueError("pad and random_resized_crop both cut the image: choose one")
        return self
