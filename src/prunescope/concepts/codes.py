"""Which concept does each pixel of a mask carry?"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.text import counted
from prunescope.concepts.names import Names
from prunescope.imaging.decoding import has_deep_colours, read_picture

_ONE_NUMBER = ("1", "L", "P", "I", "I;16", "I;16B")  # Pillow's modes of one number per pixel
_COLOURED = ("1", "L", "P", "RGB", "RGBA")
_SHOWN_CODES = 3
_CODES_OF_A_SMOOTHED_MAP = 16
_NOTHING = -1  # the code of a transparent pixel


def read_map(path: Path, names: Names) -> Int32[np.ndarray, "height width"]:
    """Return the label number of every pixel of a map, 0 where none.

    If names.csv gives values, a picture with one number per pixel (grey, or with a palette) is read
    by these numbers; any other picture is read by its colours. Transparent pixels carry no label.
    Raises DataError, naming the file, for a code without a row and for other kinds of pictures.
    """
    return numbers_in(path, read_png(path), names)


def numbers_in(
    path: Path | str, picture: Image.Image, names: Names, advice: str = "add rows"
) -> Int32[np.ndarray, "height width"]:
    """Return what `read_map` does of a picture that `read_png` has read.

    path: what messages call the picture.
    advice: what to do about a code that is not listed, for the message.
    """
    if picture.mode in _ONE_NUMBER and names.values:
        codes = np.asarray(picture).astype(np.int32)
        return look_up(path, codes, names.values, names.path, lambda code: f"value {code}", advice)
    if picture.mode in _COLOURED and names.colors:
        codes = _colours(path, picture)
        table = {_NOTHING: 0, **names.colors}
        return look_up(path, codes, table, names.path, lambda code: f"colour #{code:06x}", advice)
    if picture.mode not in {*_ONE_NUMBER, *_COLOURED}:
        cure = "save it in grey, with a palette, or in RGB"
    else:
        column = "value" if picture.mode in _ONE_NUMBER else "color"
        cure = f"say in column {column} of {names.path} what stands for which concept"
    raise DataError(f"{path} is a picture of mode {picture.mode}, which cannot be read: {cure}")


def read_mask(path: Path) -> Bool[np.ndarray, "height width"]:
    """Mark the pixels of one concept's mask that are neither black nor wholly transparent.

    Raises DataError, naming the file, where it cannot be read.
    """
    return marked_in(read_png(path))


def marked_in(picture: Image.Image) -> Bool[np.ndarray, "height width"]:
    """Mark the pixels of a picture that are neither black nor wholly transparent."""
    if picture.mode in _ONE_NUMBER and picture.mode != "P":
        marked: Bool[np.ndarray, "height width"] = np.asarray(picture) != 0
    else:
        shown = np.asarray(picture.convert("RGBA"))
        marked = shown[:, :, :3].any(axis=2) & (shown[:, :, 3] > 0)
    return marked


def look_up(
    path: Path | str,
    codes: Int32[np.ndarray, "height width"],
    table: Mapping[int, int],
    source: Path | str,
    written: Callable[[int], str],
    advice: str = "add rows",
) -> Int32[np.ndarray, "height width"]:
    """Return the label number of every code of a map.

    table: numbers by code. source, written, advice: for messages, what lists the codes, how one is
    written, and what to do about one that is not listed.
    Raises DataError, naming the file, for such a code.
    """
    listed = np.array(sorted(table), np.int32)
    numbers = np.array([table[code] for code in listed.tolist()], np.int32)
    flat = codes.ravel()  # pixels in a row mostly have one code, which is looked up once
    starts = np.flatnonzero(np.diff(flat, prepend=~flat[:1]))
    runs = flat[starts]
    indices = np.searchsorted(listed, runs).clip(max=len(listed) - 1)
    if (listed[indices] != runs).any():
        unlisted, pixels = np.unique(codes[~np.isin(codes, listed)], return_counts=True)
        order = np.argsort(-pixels, kind="stable")[:_SHOWN_CODES]
        shown = [f"{written(int(unlisted[i]))} ({counted(int(pixels[i]), 'pixel')})" for i in order]
        more = f" and {len(unlisted) - len(shown)} more" if len(unlisted) > len(shown) else ""
        smoothed = len(unlisted) >= _CODES_OF_A_SMOOTHED_MAP
        raise DataError(
            f"{path} holds {', '.join(shown)}{more}, which {source} does not list: "
            + ("so many come of smoothing or scaling; save it without" if smoothed else advice)
            + ", or repaint it"
        )
    lengths = np.diff(starts, append=flat.size)
    plane: Int32[np.ndarray, "height width"] = numbers[indices].repeat(lengths).reshape(codes.shape)
    return plane


def read_png(path: Path) -> Image.Image:
    """Decode a map or a mask. Raises DataError for what is no PNG of 8 bits, or grey."""
    picture = read_picture(path)
    if picture.format != "PNG":
        raise DataError(
            f"{path} is {picture.format} inside, which blurs or drops codes: save it as PNG"
        )
    if has_deep_colours(path):
        raise DataError(
            f"{path} has colours of 16 bits, but those of a mask have 8: save it with 8 bits per "
            "channel, or in grey"
        )
    return picture


def _colours(path: Path | str, picture: Image.Image) -> Int32[np.ndarray, "height width"]:
    shown = np.asarray(picture.convert("RGBA")).astype(np.int32)
    opacity = shown[:, :, 3]
    if ((opacity > 0) & (opacity < 255)).any():
        raise DataError(
            f"{path} has half-transparent pixels, whose concept is unclear: "
            "save it without smoothing, each pixel opaque or wholly transparent"
        )
    colours = (shown[:, :, 0] << 16) + (shown[:, :, 1] << 8) + shown[:, :, 2]
    return np.where(opacity == 0, np.int32(_NOTHING), colours)
