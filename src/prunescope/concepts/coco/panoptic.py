"""Which pixels of an image do the segments of a panoptic map mark?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from prunescope.base.errors import DataError
from prunescope.base.text import written
from prunescope.concepts.codes import look_up
from prunescope.imaging.decoding import has_deep_colours, read_picture

_VOID = 0
_IDS = 1 << 24


def read_segments(
    path: Path,
    segments: list[dict[str, Any]],
    numbers: Mapping[int, int],
    size: tuple[int, int],
    where: str,
) -> Int32[np.ndarray, "height width"]:
    """Return the label number of every pixel of a map, 0 where it is void.

    A pixel is red + 256 green + 65,536 blue, the id of its segment (Kirillov et al. 2019).
    segments: ids and categories. numbers: of the labels, by category. size: of the image.
    where: the image, for messages.
    Raises DataError, naming the file, where it is no such map, has another size than the image, or
    holds a segment that is not listed.
    """
    picture = read_picture(path)
    if picture.mode not in ("RGB", "RGBA") or has_deep_colours(path):
        raise DataError(
            f"{path} is a picture of mode {picture.mode}, but a panoptic map is RGB of 8 bits: "
            f"red + 256 green + 65,536 blue {where}"
        )
    if (picture.height, picture.width) != size:
        raise DataError(
            f"{path} is {picture.height} x {picture.width} (height x width), but its image is "
            f"{size[0]} x {size[1]} {where}"
        )
    table = {_VOID: 0}
    for segment in segments:
        number = segment.get("id")
        if type(number) is not int or not 0 < number < _IDS or number in table:
            fault = "stands there twice" if number in table else f"must be from 1 to {_IDS - 1:,}"
            raise DataError(f"the id of a segment, {written(number)}, {fault} {where}")
        table[number] = numbers[segment["category_id"]]
    packed = np.asarray(picture.convert("RGBA")).view("<u4")[:, :, 0]  # red is the lowest byte
    ids = (packed & (_IDS - 1)).astype(np.int32)
    try:
        return look_up(
            *(path, ids, table),
            Path("segments_info"),
            lambda id_: f"segment {id_}",
            "add its segment",
        )
    except DataError as error:
        raise DataError(f"{error} {where}") from None
