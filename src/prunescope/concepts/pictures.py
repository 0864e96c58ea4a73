"""How is a picture decoded, and what is said of one that cannot be?"""

from pathlib import Path

from PIL import Image, ImageFile

from prunescope.base.colour import opened_picture
from prunescope.base.errors import DataError
from prunescope.base.paths import require_file, resolved

# RuntimeError is Python's word, up to 3.12, for a link that leads to itself
_UNREADABLE = (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError)

_PNG = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH, _COLOUR_TYPE, _GREY = 24, 25, 0  # where the head of a PNG states them


def read_picture(path: Path, *, within: Path | None = None) -> ImageFile.ImageFile:
    """Decode a picture, in the mode it is stored in.

    within: the folder, resolved, that a link may not leave; None lets it lead anywhere.
    Raises DataError, naming the file, where it cannot be read or lies elsewhere.
    """
    try:
        if within is not None and not resolved(path).is_relative_to(within):
            raise DataError(f"{path} is a link that leaves the folder {within.name}")
        require_file(path)
        with opened_picture(path) as picture:
            picture.load()
    except _UNREADABLE as error:
        raise _fault(path, error) from error
    return picture


def read_size(path: Path) -> tuple[int, int]:
    """Return height and width of a picture from its head alone; DataError where it has none."""
    try:
        require_file(path)
        with opened_picture(path) as picture:
            return picture.height, picture.width
    except _UNREADABLE as error:
        raise _fault(path, error) from error


def has_deep_colours(path: Path) -> bool:
    """Return whether a PNG stores colours in 16 bits, of which Pillow reads the upper 8 alone."""
    with path.open("rb") as file:
        head = file.read(_COLOUR_TYPE + 1)
    is_png = head.startswith(_PNG) and len(head) > _COLOUR_TYPE
    return is_png and head[_BIT_DEPTH] == 16 and head[_COLOUR_TYPE] != _GREY


def _fault(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
