"""How do thousands of encoded images become one tensor?"""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from prunescope.base.devices import usable_cores
from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress

_AT_ONCE = 512
_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as it is stored: its bytes, or else the file that holds them.

    where: what messages call it ("row 3 of the split train of DIR").
    """

    content: bytes | None
    path: Path | None
    where: str


def decode_all(
    images: Iterator[EncodedImage],
    *,
    count: int,
    resolution: int | None,
    memory: int,
    where: str,
    progress: Progress = SILENT,
) -> UInt8[Tensor, "image height width 3"]:
    """Decode `count` images, at least one, to RGB in their order.

    resolution: the side, in pixels, that every image is squashed to by antialiased bilinear
    resampling; None keeps their size, which must be one. memory: budget in bytes for the result.
    Raises DataError where the pixels would not fit (before decoding them), where two sizes meet,
    and naming the image that cannot be decoded.
    """
    if resolution is not None:
        _check_budget(count, resolution, resolution, memory, where)
    first = next(images)
    height, width, _ = decode(first, resolution).shape
    _check_budget(count, height, width, memory, where)
    pixels = np.empty((count, height, width, 3), dtype=np.uint8)
    every, done = chain([first], images), 0
    with (
        ThreadPoolExecutor(usable_cores()) as pool,  # Pillow frees the interpreter lock
        progress.task(f"Decoding {where}", count) as task,
    ):
        while some := list(islice(every, _AT_ONCE)):
            decoded = pool.map(lambda image: decode(image, resolution), some)
            for image, one in zip(some, decoded, strict=True):
                _check_size(image, one.shape, (height, width))
                pixels[done] = one
                done += 1
            task.advance(len(some))
    return torch.from_numpy(pixels)


def decode(image: EncodedImage, resolution: int | None) -> UInt8[np.ndarray, "height width 3"]:
    """Decode one image to RGB; see `decode_all`."""
    if image.content is None and image.path is None:
        raise DataError(f"{image.where} has no image")
    stored = io.BytesIO(image.content) if image.content is not None else image.path
    try:
        with Image.open(stored) as opened:  # type: ignore[arg-type]  # one of the two is there
            rgb = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{image.where} cannot be decoded: {error}") from error
    side = (resolution, resolution)
    if resolution is not None and rgb.size != side:
        rgb = rgb.resize((resolution, resolution), Image.Resampling.BILINEAR)
    return np.asarray(rgb)


def _check_size(image: EncodedImage, found: tuple[int, ...], first: tuple[int, int]) -> None:
    if found[:2] != first:
        raise DataError(
            f"{image.where} is {found[1]} x {found[0]} pixels, but the first is "
            f"{first[1]} x {first[0]}: give a resolution, to which all are squashed"
        )


def _check_budget(count: int, height: int, width: int, memory: int, where: str) -> None:
    need = count * height * width * 3
    if need > memory:
        raise DataError(
            f"{where}: {count:,} x {height} x {width} pixels need {need / _GIB:.2f} GiB, "
            f"but the budget for decoded images is {memory / _GIB:.2f} GiB: lower the "
            "resolution (data.resolution of a study) or raise the budget (data.memory)"
        )
