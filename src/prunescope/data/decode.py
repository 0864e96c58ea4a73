"""How do thousands of encoded images become one tensor?"""

import io
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

from prunescope.base.colour import in_colour, opened_picture
from prunescope.base.devices import usable_cores
from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.progress import SILENT, Progress
from prunescope.data.sizing import Sizing

_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as it is stored: its bytes, or else the file that holds them.

    where: what messages call it ("row 3 of the split train of DIR").
    """

    content: bytes | None
    path: Path | None
    where: str


class UnequalSizes(DataError):
    """Two images that should be of one size are not."""


def open_image(image: EncodedImage) -> Image.Image:
    """Decode one image to RGB. Raises DataError naming it where that cannot be done."""
    if image.content is not None:
        stored: Path | io.BytesIO = io.BytesIO(image.content)
    elif image.path is not None:
        require_file(stored := image.path)
    else:
        raise DataError(f"{image.where} has no image")
    try:
        with opened_picture(stored) as opened:
            return in_colour(opened, image.where)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{image.where} cannot be decoded: {error}") from error


def decode(
    image: EncodedImage, sizing: Sizing, size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """Decode one image to RGB and size it.

    size: height and width that must come out, those of the first image; None takes any.
    Raises DataError as `open_image` does, UnequalSizes for another size.
    """
    pixels = np.asarray(sizing.apply(open_image(image)))
    found = pixels.shape[:2]
    if size is not None and found != size:
        raise UnequalSizes(
            f"{image.where} is {found[1]} x {found[0]} pixels, but the first is "
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
    Raises DataError where two sizes meet, or naming the image that cannot be decoded.
    """
    pixels = np.empty((count, *size, 3), dtype=np.uint8)
    done = 0
    with (
        ThreadPoolExecutor(usable_cores()) as pool,  # Pillow frees the interpreter lock
        progress.task(f"Decoding {where}", count) as task,
    ):
        while some := list(islice(images, _AT_ONCE)):
            for one in pool.map(lambda image: decode(image, sizing, size), some):
                pixels[done] = one
                done += 1
            task.advance(len(some))
    return torch.from_numpy(pixels)
