"""How do files, Pillow images, arrays and tensors become pictures of one kind?"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image
from torch import Tensor

from prunescope.base.errors import ConfigError
from prunescope.base.text import a_kind
from prunescope.imaging.decoding import in_colour, read_picture

Picture: TypeAlias = str | Path | Image.Image | np.ndarray | Tensor
"""A file, a Pillow image, a uint8 array (height, width, 3) or (height, width), or a tensor
(3, height, width): uint8, or of floating point in [0, 1]."""
Pictures: TypeAlias = Picture | Iterable[Picture]
"""One picture or several; an array or a tensor with one axis more is a batch."""


def each_picture(pictures: object) -> Iterator[Image.Image]:
    """Yield pictures as Pillow images in RGB, each decoded when its turn comes.

    pictures: Pictures; anything else is refused.
    A file is turned upright according to its EXIF. A floating-point tensor is rounded to 8 bits.
    Raises DataError for a file that cannot be read; ConfigError, with its index and what is
    allowed, for anything that is no picture.
    """
    for index, picture in enumerate(_listed(pictures)):
        yield _as_image(picture, f"picture {index}")


def _listed(pictures: Any) -> Iterable[Any]:
    if isinstance(pictures, np.ndarray | Tensor):
        return pictures if pictures.ndim == 4 else (pictures,)
    if isinstance(pictures, str | Path | Image.Image):
        return (pictures,)
    if isinstance(pictures, Iterable):
        return pictures
    raise _refusal(f"the pictures are {a_kind(pictures)}")


def _as_image(picture: Any, where: str) -> Image.Image:
    match picture:
        case str() | Path():
            return in_colour(read_picture(Path(picture)), picture, upright=True)
        case Image.Image():
            return in_colour(picture, where)
        case Tensor():
            return _from_array(_as_array(picture, where), where)
        case np.ndarray():
            return _from_array(picture, where)
    raise _refusal(f"{where} is {a_kind(picture)}")


def _as_array(picture: Tensor, where: str) -> np.ndarray:
    values = picture.detach().cpu()
    if values.ndim != 3 or values.shape[0] != 3:
        raise _refusal(f"{where} is a tensor of shape {tuple(values.shape)}")
    if values.is_floating_point():
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise ConfigError(
                f"{where} is a tensor with values outside [0, 1]: give it before it is "
                "normalised, since a network's mean and std are applied here"
            )
        values = (values * 255).round().byte()
    array: np.ndarray = values.permute(1, 2, 0).contiguous().numpy()
    return array


def _from_array(picture: np.ndarray, where: str) -> Image.Image:
    grey, colour = picture.ndim == 2, picture.ndim == 3 and picture.shape[-1] == 3
    if picture.dtype != np.uint8 or not (grey or colour) or not picture.size:
        raise _refusal(f"{where} is an array of {picture.dtype} of shape {picture.shape}")
    return in_colour(Image.fromarray(picture), where)


def _refusal(what: str) -> ConfigError:
    return ConfigError(
        f"{what}: give a file, a Pillow image, a uint8 array (height, width, 3) or "
        "(height, width), or a tensor (3, height, width), uint8 or in [0, 1]"
    )
