"""How is a picture opened, and what is it of any mode with 8 bits of red, green and blue?"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFile, ImageOps

from prunescope.base.errors import DataError

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
_DEEP_FORMATS = ("PNG", "PPM")  # of which Pillow gives 16 bits as "I", by its version and the file
_BITS, _PHOTOMETRIC = 258, 262  # tags of TIFF 6.0
_WHITE_IS_ZERO = 0
_OVER = {"La": "LA", "RGBa": "RGBA"}  # colours multiplied by their opacity, and as they are


@contextmanager
def opened_picture(stored: Path | io.BytesIO) -> Iterator[ImageFile.ImageFile]:
    """Open a picture, whose pixels are not decoded yet.

    Raises Pillow's errors, and its DecompressionBombError for more pixels than it thinks sound
    (`PIL.Image.MAX_IMAGE_PIXELS`), of which Pillow itself warns up to twice as many.
    """
    try:
        picture = Image.open(stored)
    except Image.DecompressionBombWarning as error:  # where warnings are errors
        raise Image.DecompressionBombError(str(error)) from None
    with picture:
        pixels, most = picture.width * picture.height, Image.MAX_IMAGE_PIXELS
        if most is not None and pixels > most:
            raise Image.DecompressionBombError(
                f"it has {pixels:,} pixels, and more than {most:,} are taken for an attack"
            )
        yield picture


def in_colour(picture: Image.Image, where: Path | str, *, upright: bool = False) -> Image.Image:
    """Return the first frame of a picture in RGB, its whole range of brightness kept.

    Of 16 bits the brightness is divided by 257 and rounded. What is transparent shows the colour
    stored there, on no background. CMYK is converted without a colour profile, as Pillow does.
    where: the file, for messages. upright: turn it as its EXIF says.
    Raises DataError for a mode of no stated range: 32-bit integers, floating point.
    """
    deep = picture.mode in _DEEP or (picture.mode == "I" and picture.format in _DEEP_FORMATS)
    greatest, inverted = _stated_range(picture)
    if upright:
        picture = ImageOps.exif_transpose(picture)
    if deep:
        picture = Image.fromarray(_in_8_bits(picture, greatest, inverted=inverted))
    elif picture.mode in ("I", "F", *_DEEP):
        kind = "floating point" if picture.mode == "F" else "32-bit integers"
        raise DataError(
            f"{where} is a picture of {kind} (mode {picture.mode}), which does not say what is "
            "black and what white: save it with 8 or 16 bits per channel"
        )
    if picture.mode in _OVER:
        picture = picture.convert(_OVER[picture.mode])
    if picture.mode in ("P", "PA") and (picture.mode == "PA" or "transparency" in picture.info):
        picture = picture.convert("RGBA")  # else Pillow warns that it drops the transparency
    try:
        return picture.convert("RGB")
    except (ValueError, ImportError) as error:
        raise DataError(
            f"{where} is a picture of mode {picture.mode}, which cannot be shown in red, green and "
            f"blue ({error}): save it as RGB or grey"
        ) from error


def _stated_range(picture: Image.Image) -> tuple[int, bool]:
    """Return the greatest value of more than 8 bits, and whether it is black, as TIFF may say."""
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(_BITS, (16,))[0]
    return 2**bits - 1, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _in_8_bits(
    picture: Image.Image, greatest: int, *, inverted: bool
) -> UInt8[np.ndarray, "height width"]:
    values = np.asarray(picture).astype(np.int64)
    scaled = (values * 255 + greatest // 2) // greatest
    shown: UInt8[np.ndarray, "height width"] = (255 - scaled if inverted else scaled).astype(
        np.uint8
    )
    return shown
