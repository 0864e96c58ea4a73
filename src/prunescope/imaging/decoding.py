"""How is a picture of any mode decoded, and converted to 8 bits of red, green and blue?"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFile, ImageOps

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file, resolved

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
_DEEP_FORMATS = ("PNG", "PPM")  # whose 16 bits some versions of Pillow give as "I"
_BITS, _PHOTOMETRIC = 258, 262  # tags of TIFF 6.0
_WHITE_IS_ZERO = 0
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # of Exif 2.3, 4.6.4
_OVER = {"La": "LA", "RGBa": "RGBA"}  # premultiplied alpha, and straight

# Python up to 3.12 raises RuntimeError for a link that leads to itself, and Pillow almost anything
# for a tag of another type than it must be, such as a fraction that says where the pixels begin
_UNREADABLE = (
    *(OSError, SyntaxError, ValueError, RuntimeError, TypeError, LookupError, ArithmeticError),
    *(EOFError, struct.error, zlib.error, Image.DecompressionBombError),
    Warning,  # of damage and of bombs, where warnings are errors
)

_PNG = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH, _COLOUR_TYPE, _GREY = 24, 25, 0  # where the head of a PNG states them
_PIECE = 1 << 20


def read_picture(
    stored: Path | bytes, where: str = "", *, within: Path | None = None
) -> ImageFile.ImageFile:
    """Decode a picture from a file, or from its bytes, in the mode it is stored in.

    where: what messages call it; a file is called by its path. within: the folder, resolved, that a
    link may not leave; None lets it lead anywhere.
    Raises DataError, naming the picture, where it cannot be read or lies elsewhere.
    """
    with _opened(stored, where or str(stored), within) as picture:
        _check_sums(stored, picture)
        picture.load()
    return picture


def read_size(stored: Path | bytes, where: str = "", *, upright: bool = False) -> tuple[int, int]:
    """Return height and width of a picture from its head alone; DataError where it has none.

    where: as for `read_picture`. upright: as it is turned according to its EXIF.
    """
    with _opened(stored, where or str(stored)) as picture:
        size = picture.height, picture.width
        lies = upright and picture.getexif().get(_ORIENTATION) in _ON_ITS_SIDE
    return (size[1], size[0]) if lies else size


def decode_in_colour(stored: Path | bytes, where: str) -> Image.Image:
    """Decode a file, or its bytes, to RGB as `in_colour` does.

    where: what messages call the picture. Raises DataError where it cannot be read.
    """
    with _opened(stored, where) as picture:
        _check_sums(stored, picture)
        return in_colour(picture, where)


def has_deep_colours(stored: Path | bytes) -> bool:
    """Return whether a PNG stores colours in 16 bits, of which Pillow reads the upper 8 alone."""
    with io.BytesIO(stored) if isinstance(stored, bytes) else stored.open("rb") as file:
        head = file.read(_COLOUR_TYPE + 1)
    is_png = head.startswith(_PNG) and len(head) > _COLOUR_TYPE
    return is_png and head[_BIT_DEPTH] == 16 and head[_COLOUR_TYPE] != _GREY


def in_colour(picture: Image.Image, where: Path | str, *, upright: bool = False) -> Image.Image:
    """Return the first frame of a picture in RGB, its whole range of brightness kept.

    16 bits are divided by 257 and rounded. Transparent pixels show the colour stored there, on no
    background. CMYK is converted without a colour profile, as Pillow does.
    where: the file, for messages. upright: turn it according to its EXIF.
    Raises DataError for a mode without a stated range: 32-bit integers, floating point.
    """
    deep = picture.mode in _DEEP or (picture.mode == "I" and picture.format in _DEEP_FORMATS)
    greatest, inverted = _stated_range(picture)
    if upright:
        picture = _turned_upright(picture, where)
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


@contextmanager
def _opened(
    stored: Path | bytes, where: str, within: Path | None = None
) -> Iterator[ImageFile.ImageFile]:
    """Open a picture, whose pixels are not decoded yet.

    Raises DataError, also within the block, for what Pillow cannot read, and for more pixels than
    `PIL.Image.MAX_IMAGE_PIXELS`, for which Pillow only warns up to twice as many.
    """
    try:
        if isinstance(stored, Path):
            require_file(stored)
            if within is not None and not resolved(stored).is_relative_to(within):
                raise DataError(f"{where} is a link that leaves the folder {within.name}")
        with Image.open(io.BytesIO(stored) if isinstance(stored, bytes) else stored) as picture:
            pixels, limit = picture.width * picture.height, Image.MAX_IMAGE_PIXELS
            if limit is not None and pixels > limit:
                raise Image.DecompressionBombError(
                    f"it has {pixels:,} pixels, and more than {limit:,} are taken for an attack"
                )
            yield picture
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{where} cannot be read: {reason}") from error


def _check_sums(stored: Path | bytes, picture: ImageFile.ImageFile) -> None:
    """Raise OSError where a PNG is not what was written, by the checksums of its chunks.

    Pillow passes over those of the pixels: of the flipped bits of a label map one in seven gave
    other pixels, silently. Other formats have no checksums.
    """
    if picture.format != "PNG":
        return
    with io.BytesIO(stored) if isinstance(stored, bytes) else stored.open("rb") as file:
        file.seek(len(_PNG))
        kind = b""
        while kind != b"IEND":
            head = file.read(8)
            left, kind = int.from_bytes(head[:4], "big"), head[4:]
            found = zlib.crc32(kind)
            while left and (piece := file.read(min(left, _PIECE))):
                found, left = zlib.crc32(piece, found), left - len(piece)
            stated = file.read(4)
            if len(stated) < 4:
                raise OSError("it ends too early: a part of the file is missing")
            if found != int.from_bytes(stated, "big"):
                raise OSError("it is damaged: its checksum is not that of its content")


def _turned_upright(picture: Image.Image, where: Path | str) -> Image.Image:
    """Return a picture turned as its EXIF says. Raises DataError where that cannot be read."""
    try:
        return ImageOps.exif_transpose(picture)
    except _UNREADABLE as error:
        raise DataError(f"{where} cannot be read: its EXIF is damaged ({error})") from error


def _stated_range(picture: Image.Image) -> tuple[int, bool]:
    """Return the greatest value of a deep picture, and whether it is black, as in some TIFFs."""
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
