"""How does an epoch alter each image?"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from prunescope.base.seeding import torch_generator
from prunescope.data.cropping import CropDraws, draw_crops
from prunescope.data.settings import Augmentation


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Where an epoch cuts each image of the set and whether it mirrors it, by image number.

    left, top: pixels from the padded image's corner to the window's, 0 to 2 pad.
    """

    left: Int64[Tensor, " image"]
    top: Int64[Tensor, " image"]
    mirrored: Bool[Tensor, " image"]
    crops: CropDraws | None = None

    def of(self, numbers: Int64[Tensor, " chosen"]) -> "Draws":
        """Return the draws of these images alone, in this order."""
        left, top, mirrored = self.left[numbers], self.top[numbers], self.mirrored[numbers]
        crops = None if self.crops is None else self.crops.of(numbers)
        return Draws(left=left, top=top, mirrored=mirrored, crops=crops)

    def to(self, device: torch.device) -> "Draws":
        """Return what is applied to pixels on a device there; crops are made before."""
        moved = {
            name: getattr(self, name).to(device, non_blocking=True)
            for name in ("left", "top", "mirrored")
        }
        return replace(self, **moved)


def draw_augmentation(count: int, augmentation: Augmentation, seed: int, epoch: int) -> Draws:
    """Draw for every image of the set at once, so that neither order nor batch size matters."""
    generator = torch_generator(seed, "augmentation", epoch)
    positions = 2 * augmentation.pad + 1
    left = torch.randint(positions, (count,), generator=generator)
    top = torch.randint(positions, (count,), generator=generator)
    coin = torch.randint(2, (count,), generator=generator).bool()
    mirrored = coin if augmentation.flip else torch.zeros(count, dtype=torch.bool)
    crop = augmentation.random_resized_crop
    crops = None if crop is None else draw_crops(count, crop, seed, epoch)
    return Draws(left=left, top=top, mirrored=mirrored, crops=crops)


def cut_and_mirror(
    pixels: UInt8[Tensor, "image height width 3"], pad: int, draws: Draws
) -> UInt8[Tensor, "image height width 3"]:
    """Pad with zeros, cut each image's window, mirror those drawn."""
    if pad:
        pixels = _cut(functional.pad(pixels, (0, 0, pad, pad, pad, pad)), pad, draws)
    return torch.where(draws.mirrored[:, None, None, None], pixels.flip(2), pixels)


def _cut(
    padded: UInt8[Tensor, "image tall wide 3"], pad: int, draws: Draws
) -> UInt8[Tensor, "image height width 3"]:
    count, tall, wide, _ = padded.shape
    height, width = tall - 2 * pad, wide - 2 * pad
    windows = padded.flatten(2).unfold(2, 3 * width, 3)  # image, row, left, the row's pixels
    image = torch.arange(count, device=padded.device)[:, None]
    row = draws.top[:, None] + torch.arange(height, device=padded.device)
    return windows[image, row, draws.left[:, None]].view(count, height, width, 3)
