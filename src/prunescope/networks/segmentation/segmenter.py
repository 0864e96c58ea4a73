"""What is a network that labels every pixel, and which one does a name stand for?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from PIL import Image
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import counted, on_one_line, written
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.normalise import normalise
from prunescope.imaging.sizing import pixels_of, resize_shorter_side

FORMS = (
    "write torchvision:fcn_resnet50, transformers:FOLDER, transformers:NAME of a model on the "
    "Hugging Face hub, or package.module:function"
)

Prepare = Callable[[Image.Image], Float32[Tensor, "channel height width"]]
"""Returns what a network sees of a photograph."""


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A network for semantic segmentation, in evaluation mode, on the CPU.

    name: as it was asked for, without the path of a folder
    weights: what they are called: published ones by their name, a file by its name
    classes: the names of its outputs, in their order
    seen: how it is shown photographs, as plain values
    made_by: versions of what else makes its answers: transformers, or the file of a factory
    """

    name: str
    module: nn.Module
    weights: str
    classes: tuple[str, ...]
    prepare: Prepare
    seen: Mapping[str, Any]
    made_by: Mapping[str, str] = field(default_factory=dict)


def show_at(resolution: int, normalisation: Normalisation) -> tuple[Prepare, dict[str, Any]]:
    """Return how photographs are shown with their shorter side at a resolution, and that in words.

    They are resized by antialiased bilinear resampling; one that has the size is left as it is.
    """

    def prepare(picture: Image.Image) -> Float32[Tensor, "channel height width"]:
        pixels = np.array(pixels_of(resize_shorter_side(picture, resolution)))
        shown: Tensor = normalise(torch.from_numpy(pixels).unsqueeze(0), normalisation)
        return shown.squeeze(0)

    mean, std = list(normalisation.mean), list(normalisation.std)
    return prepare, {"resolution": resolution, "mean": mean, "std": std}


def read_class_names(path: Path) -> tuple[str, ...]:
    """Return the names in a text file, a line each. Raises DataError where it has none or two."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError(f"the names of the classes cannot be read from {path}: {reason}") from None
    return checked_names([line.strip() for line in lines], str(path))


def checked_names(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the names of classes; one that stands twice gets the number of its output.

    where: what names them, for messages. Raises DataError for none at all, and for an empty one.
    """
    if not names:
        raise DataError(f"{where} names no class: give each a line")
    for number, name in enumerate(names, start=1):
        if not name or on_one_line(name) != name:
            raise DataError(f"{where}: the name {number} is {written(name)}, which is no name")
    return tuple(
        f"{name} ({index})" if names.count(name) > 1 else name for index, name in enumerate(names)
    )


def logits_of(answer: Any, segmenter: Segmenter, images: int) -> Float32[Tensor, "image class h w"]:
    """Return the logits in what a network answers: a tensor, or `out` or `logits` in a mapping.

    Raises ConfigError where there are none of (images, classes, height, width), and for another
    number of classes than there are names.
    """
    found = answer
    if isinstance(answer, Mapping):
        found = answer.get("out", answer.get("logits"))
    elif not isinstance(answer, Tensor):
        found = getattr(answer, "logits", answer)
    if not isinstance(found, Tensor) or found.ndim != 4 or len(found) != images:
        shape = f" of shape {tuple(found.shape)}" if isinstance(found, Tensor) else ""
        raise ConfigError(
            f"{segmenter.name} answers with {type(found).__name__}{shape}, but a network for "
            "semantic segmentation gives logits (images, classes, height, width): as a tensor, or "
            'as "out" or "logits" of what it returns'
        )
    if found.shape[1] != len(segmenter.classes):
        raise ConfigError(
            f"{segmenter.name} gives {counted(found.shape[1], 'class', 'classes')}, but "
            f"{counted(len(segmenter.classes), 'name')} for them: give --names, a file with a line "
            "for each"
        )
    return found.float()
