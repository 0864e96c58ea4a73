"""How is a photograph read whose size its annotations state?"""

from pathlib import Path

from PIL import Image

from prunescope.base.errors import DataError
from prunescope.imaging.decoding import in_colour, read_picture


def read_sized(path: Path, size: tuple[int, int], title: str) -> Image.Image:
    """Return a picture in RGB, turned upright according to its EXIF if it then has its size.

    size: height and width that it must have. title: who states them, for messages.
    Raises DataError where it cannot be read or has another size.
    """
    try:
        stored = read_picture(path)
        upright = in_colour(stored, path, upright=True)
        if (upright.height, upright.width) == size:
            return upright
        if (stored.height, stored.width) == size:  # annotated as it lies on the disk
            return in_colour(stored, path)
    except DataError as error:
        raise DataError(f"{error} {title}") from error
    raise DataError(
        f"{path} is {upright.height} x {upright.width} (height x width), but is said to be "
        f"{size[0]} x {size[1]} {title}"
    )
