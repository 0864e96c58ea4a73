"""Which column of a table holds the images, and which the labels?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prunescope.base.errors import DataError

_LABEL_NAMES = ("label", "labels", "fine_label", "target", "class")
_CIFAR100 = ("coarse_label", "fine_label")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The two columns of a set of labelled images.

    classes: the names in the type of the label column; None where it holds plain numbers.
    """

    image: str
    label: str
    classes: tuple[str, ...] | None


def find_columns(features: Mapping[str, Any], where: str) -> Columns:
    """Find the image column and the label column by their types.

    features: a Hugging Face `Features`, or what it holds. The image column is the one of type
    Image, or a struct of bytes and path. The label column is the one of type ClassLabel, or an
    integer column of a usual name; of CIFAR-100's two, the fine one.
    Raises DataError naming the columns where there is none or more than one to choose from.
    """
    images = [name for name, feature in features.items() if is_image(feature)]
    labels = [name for name, feature in features.items() if names_of(feature) is not None]
    labels = labels or [n for n in features if n in _LABEL_NAMES and is_integer(features[n])]
    if sorted(labels) == list(_CIFAR100):
        labels = ["fine_label"]
    for kind, candidates in (("images", images), ("labels", labels)):
        if len(candidates) != 1:
            number = (
                f"{len(candidates)} columns ({', '.join(candidates)})"
                if candidates
                else "no column"
            )
            raise DataError(
                f"{where} has {number} that can be its {kind}, but exactly one is needed; "
                f"its columns are {', '.join(features)}. Images are known by their type, labels "
                f"by theirs or as integers named {', '.join(_LABEL_NAMES)}"
            )
    return Columns(image=images[0], label=labels[0], classes=names_of(features[labels[0]]))


def names_of(feature: Any) -> tuple[str, ...] | None:
    """Return the class names in the type of a column; None where it has none."""
    from datasets import ClassLabel

    return tuple(feature.names) if isinstance(feature, ClassLabel) and feature.names else None


def is_image(feature: Any) -> bool:
    """Return whether a column holds images: of type Image, or with bytes and path."""
    from datasets import Image

    return isinstance(feature, Image) or (
        isinstance(feature, Mapping) and set(feature) == {"bytes", "path"}
    )


def is_integer(feature: Any) -> bool:
    """Return whether a column holds whole numbers, with names or without."""
    from datasets import ClassLabel, Value

    if isinstance(feature, ClassLabel):
        return True
    return isinstance(feature, Value) and feature.dtype.lstrip("u").startswith("int")
