"""How are labelled images held: decoded in memory, or decoded on demand?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from prunescope.base.progress import Progress
from prunescope.data.decode import EncodedImage, decode, open_image
from prunescope.imaging.sizing import AS_STORED, Sizing

_SAMPLE = 100


@dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """Images of one size in memory, each with the number of its class.

    pixels: RGB, 0 to 255. labels: index into classes.
    sizing: how they are still to be sized before a network sees them; by default, not at all.
    """

    pixels: UInt8[Tensor, "image height width 3"]
    labels: Int64[Tensor, " image"]
    classes: tuple[str, ...]
    sizing: Sizing = AS_STORED

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_sized(self) -> bool:
        """Return whether the pixels have the size that a network sees."""
        return tuple(self.pixels.shape[1:3]) == self.size

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that a network sees, in pixels."""
        side = self.sizing.resolution
        return (self.pixels.shape[1], self.pixels.shape[2]) if side is None else (side, side)

    def beginning(self, count: int) -> "LabelledImages":
        """Return the first images alone, to try a little work on."""
        return replace(self, pixels=self.pixels[:count], labels=self.labels[:count])

    def original(self, number: int) -> Image.Image:
        """Return an image as it is stored."""
        return Image.fromarray(self.pixels[number].numpy())

    def sized(self, number: int) -> UInt8[np.ndarray, "height width 3"]:
        """Return an image as a network sees it."""
        return self.sizing.apply(self.original(number))


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedImages:
    """Images that are decoded when they are asked for, each with the number of its class.

    stored: the images as they are stored. labels: index into classes.
    sizing: how they are brought to one size. size: the height and width that come out.
    """

    stored: "StoredImages"
    labels: Int64[Tensor, " image"]
    classes: tuple[str, ...]
    sizing: Sizing
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.labels)

    def original(self, number: int) -> Image.Image:
        """Decode an image as it is stored. Raises DataError naming it where that fails."""
        return open_image(self.stored[number])

    def sized(self, number: int) -> UInt8[np.ndarray, "height width 3"]:
        """Decode an image as a network sees it. Raises DataError, also for an odd size."""
        return decode(self.stored[number], self.sizing, self.size)

    def beginning(self, count: int) -> "StreamedImages":
        """Return the first images alone, encoded in memory, to try a little work on."""
        encoded = [self.stored[number] for number in range(min(count, len(self)))]
        stored = StoredImages(encoded.__getitem__)
        return replace(self, stored=stored, labels=self.labels[:count])

    def check_sample(self) -> int:
        """Decode some images, evenly spread; return how many. Raises DataError as `sized` does."""
        count = min(_SAMPLE, len(self))
        for number in torch.linspace(0, len(self) - 1, count).long().tolist():
            self.sized(number)
        return count


Images: TypeAlias = LabelledImages | StreamedImages


class StoredImages:
    """The encoded images of a split, by number.

    read: returns an image, fast where one comes after the other. prepare: returns such a function
    that is fast in any order; None where `read` is.
    """

    def __init__(
        self,
        read: Callable[[int], EncodedImage],
        prepare: Callable[[Progress], Callable[[int], EncodedImage]] | None = None,
    ) -> None:
        self._read = read
        self._prepare = prepare

    def __getitem__(self, number: int) -> EncodedImage:
        return self._read(number)

    def prepare(self, progress: Progress) -> None:
        """Make them ready to be read in any order, for which they may be copied once.

        Raises ConfigError, DataError or StoreError as `copied_reader` does.
        """
        if self._prepare is not None:
            self._read, self._prepare = self._prepare(progress), None
