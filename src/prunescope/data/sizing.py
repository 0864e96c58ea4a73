"""How is a square cut from the centre of a photograph, as a recipe states it?"""

from pydantic import model_validator

from prunescope.base.settings import Pixels, Settings


class CentreCrop(Settings):
    """Resize the shorter side and cut the square in the middle, as published accuracies are taken.

    resize: pixels of the shorter side; the longer follows. crop: side of the square; None takes
    the resolution.
    """

    resize: Pixels
    crop: Pixels | None = None

    @model_validator(mode="after")
    def _agree(self) -> "CentreCrop":
        if self.crop is not None and self.crop > self.resize:
            raise ValueError(
                f"a crop of {self.crop} pixels does not fit a shorter side of {self.resize}"
            )
        return self
