"""Which part of a photograph does a random-resized crop show?"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunescope.base.seeding import torch_generator
from prunescope.data.settings import RandomResizedCrop
from prunescope.imaging.sizing import Box

_TRIES = 10


@dataclass(frozen=True, kw_only=True)
class CropDraws:
    """What an epoch draws for each image of the set, in [0, 1), before any size is known.

    areas, shapes: for every try. left, top: the position of the box within the range that fits.
    """

    crop: RandomResizedCrop
    areas: Float[Tensor, "image try"]
    shapes: Float[Tensor, "image try"]
    left: Float[Tensor, " image"]
    top: Float[Tensor, " image"]

    def of(self, numbers: Int64[Tensor, " chosen"]) -> "CropDraws":
        """Return the draws of these images alone, in this order."""
        return replace(
            self,
            areas=self.areas[numbers],
            shapes=self.shapes[numbers],
            left=self.left[numbers],
            top=self.top[numbers],
        )

    def box(self, number: int, width: int, height: int) -> Box:
        """Return the box of an image of this size.

        As torchvision's RandomResizedCrop: the first of ten tries that fits inside the image, else
        the largest box in the middle whose aspect is allowed.
        """
        least, greatest = self.crop.area
        flattest, steepest = map(math.log, self.crop.aspect)
        tries = zip(self.areas[number].tolist(), self.shapes[number].tolist(), strict=True)
        for area, shape in tries:
            pixels = width * height * (least + area * (greatest - least))
            aspect = math.exp(flattest + shape * (steepest - flattest))
            wide, high = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
            if 0 < wide <= width and 0 < high <= height:
                left = int(self.left[number].item() * (width - wide + 1))
                top = int(self.top[number].item() * (height - high + 1))
                return Box(left=left, top=top, width=wide, height=high)
        return self._in_the_middle(width, height)

    def _in_the_middle(self, width: int, height: int) -> Box:
        least, greatest = self.crop.aspect
        wide, high = width, height
        if width / height < least:
            high = round(width / least)
        elif width / height > greatest:
            wide = round(height * greatest)
        return Box(left=(width - wide) // 2, top=(height - high) // 2, width=wide, height=high)


def draw_crops(count: int, crop: RandomResizedCrop, seed: int, epoch: int) -> CropDraws:
    """Draw for every image of the set at once, so that neither order nor batch size matters.

    For a million images the draws of an epoch take 88 MB.
    """
    generator = torch_generator(seed, "crop", epoch)
    return CropDraws(
        crop=crop,
        areas=torch.rand((count, _TRIES), generator=generator),
        shapes=torch.rand((count, _TRIES), generator=generator),
        left=torch.rand(count, generator=generator),
        top=torch.rand(count, generator=generator),
    )
