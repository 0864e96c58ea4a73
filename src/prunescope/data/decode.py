"""How do thousands of encoded images become one tensor?"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from prunescope.base.devices import usable_cores
from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress
from prunescope.imaging.decoding import decode_in_colour
from prunescope.imaging.sizing import Sizing

_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as it is stored: its bytes, or the file that holds them.

    where: its name in messages ("row 3 of the split train of DIR").
    """

    content: bytes | None
    path: Path | None
    where: str


class UnequalSizes(DataError):
    """Two images that should be of one size are not."""


def open_image(image: EncodedImage) -> Image.Image:
    """Decode one image to RGB. Raises DataError naming it where that cannot be done."""
    stored = image.path if image.content is None else image.content
    if stored is None:
        raise DataError(f"{image.where} has no image")
    return decode_in_colour(stored, image.where)


def decode(
    image: EncodedImage, sizing: Sizing, size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Decode one image to RGB and size it.

    size: the height and width of the first image, which all must have; None allows any.
    Raises DataError as `open_image` does, UnequalSizes for another size.
    """
    pixels = sizing.apply(open_image(image))
    height, width = pixels.shape[:2]
    if size is not None and (height, width) != size:
        raise UnequalSizes(
            f"{image.where} is {width} x {height} pixels, but the first is "
            f"{size[1]} x {size[0]}: give a resolution, to which all are brought"
        )
    return pixels


def decode_all(
    images: Iterator[EncodedImage],
    *,
    count: int,
    size: tuple[int, int],
    sizing: Sizing,
    where: str,
    progress: Progress = SILENT,
) -> UInt8[Tensor, "image height width 3"]:
    """Decode `count` images to RGB in their order.

    size: height and width of every one of them, once it is sized.
    Raises DataError for images of two sizes, and for one that cannot be decoded.
    """
    pixels = np.empty((count, *size, 3), dtype=np.uint8)
    done = 0
    with (
        ThreadPoolExecutor(usable_cores()) as pool,  # Pillow frees the interpreter lock
        progress.task(f"Decoding {where}", count) as task,
    ):
        while batch := list(islice(images, _AT_ONCE)):
            for decoded in pool.map(lambda image: decode(image, sizing, size), batch):
                pixels[done] = decoded
                done += 1
            task.advance(len(batch))
    return torch.from_numpy(pixels)
