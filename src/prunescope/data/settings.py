"""How may training images be altered, anew in every epoch?"""

from typing import Annotated

from pydantic import Field, model_validator

from prunescope.base.settings import Later, Settings

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RandomResizedCrop(Settings):
    """A box of random area, shape and place, brought to the resolution (Szegedy et al. 2015).

    area: least and greatest share of the image's area. aspect: least and greatest width divided
    by height; its logarithm is uniform.
    """

    area: tuple[Positive, Positive] = (0.08, 1.0)
    aspect: tuple[Positive, Positive] = (3 / 4, 4 / 3)

    @model_validator(mode="after")
    def _agree(self) -> "RandomResizedCrop":
        for name, (least, greatest) in (("area", self.area), ("aspect", self.aspect)):
            if least > greatest:
                raise ValueError(f"{name} runs from {least} to {greatest}: give the lesser first")
        if self.area[1] > 1:
            raise ValueError(f"area goes up to {self.area[1]}, but is a share: at most 1")
        return self


class Augmentation(Settings):
    """How training images are altered, anew in every epoch.

    pad: pixels of black on every side before a window of the image's size is cut at random.
    flip: mirror left and right with probability 1/2.
    random_resized_crop: show a part of the photograph as it is stored, before any squashing.
    """

    pad: Annotated[int, Field(ge=0, le=16_384)] = 0
    flip: bool = False
    random_resized_crop: Annotated[RandomResizedCrop | None, Later()] = None

    @model_validator(mode="after")
    def _agree(self) -> "Augmentation":
        if self.pad and self.random_resized_crop is not None:
            raise ValueError("pad and random_resized_crop both cut the image: choose one")
        return self
