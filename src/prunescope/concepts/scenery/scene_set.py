"""Which pictures does a drawn set have? Found without what draws them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from prunescope.base.errors import ConfigError

_SIZES = range(32, 1025, 2)


class Spot(NamedTuple):
    """A picture of a set; pictures are numbered within their split and class."""

    split: str
    name: str
    number: int

    @property
    def stem(self) -> str:
        """The common start of the paths of the picture and its label maps."""
        return f"{self.split}/{self.name}/{self.number:04d}"


@dataclass(frozen=True, kw_only=True)
class SceneSet:
    """Which pictures to draw, each a pure function of seed, split, class and number.

    size: pixels across, an even number; the label maps are half as large.
    train, val: pictures of each split, shared among the classes as evenly as they go.
    Raises ConfigError for a size or a number that cannot be.
    """

    seed: int = 0
    size: int = 96
    train: int = 2400
    val: int = 600

    def __post_init__(self) -> None:
        if self.size not in _SIZES:
            raise ConfigError(
                f"size is {self.size}, but must be an even number from {_SIZES[0]} to {_SIZES[-1]}"
            )
        fewest = len(class_names())
        for name, count in (("train", self.train), ("val", self.val)):
            if count < fewest:
                raise ConfigError(
                    f"{name} is {count}, but must be at least {fewest}: a picture of each class"
                )

    def pictures(self) -> list[Spot]:
        """Return the pictures in the order of index.csv.

        Classes take turns, so that the first pictures of a split are balanced.
        """
        names = class_names()
        return [
            Spot(split, names[step % len(names)], step // len(names))
            for split, count in (("train", self.train), ("val", self.val))
            for step in range(count)
        ]


@cache
def class_names() -> tuple[str, ...]:
    """Return the names of the classes, in the order of their numbers."""
    text = Path(__file__).with_name("classes.txt").read_text(encoding="utf-8")
    headers = (line for line in text.splitlines() if line and line[0] not in " #")
    return tuple(header.partition("|")[0].strip() for header in headers)
