"""How do the label maps of a concept set come to one size?"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64
from PIL import Image

from prunescope.base.errors import ConfigError
from prunescope.concepts.protocol import Annotation, ConceptSet, Label

_LARGEST = 16_384


@dataclass(frozen=True, kw_only=True, eq=False)
class OneSize:
    """A concept set whose label maps are all squares of one size, so that all images weigh alike.

    source: the set itself. mask_size: pixels a side.
    A pixel takes the label that lies at its centre: row i of N that of row (i + 1/2) H / N of H,
    rounded down; columns likewise. Images stay as they are.
    """

    source: ConceptSet
    mask_size: int

    @property
    def name(self) -> str:
        """The name the set was opened by."""
        return self.source.name

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in use, in the set's own order."""
        return self.source.categories

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every label of these categories, by ascending number."""
        return self.source.labels

    @property
    def images(self) -> tuple[str, ...]:
        """The path of every image within the set."""
        return self.source.images

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the set's own fingerprint and of the size."""
        stated = f"mask size {self.mask_size} of {self.source.fingerprint}"
        return hashlib.sha256(stated.encode()).hexdigest()

    def image_path(self, index: int) -> Path:
        """Return where an image lies."""
        return self.source.image_path(index)

    def read_image(self, index: int) -> Image.Image:
        """Return an image as the set does."""
        return self.source.read_image(index)

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, its map brought to size."""
        stored = self.source.read_annotation(index)
        return Annotation(planes=resize_planes(stored.planes, self.mask_size), whole=stored.whole)


def with_mask_size(concepts: ConceptSet, mask_size: int | None) -> ConceptSet:
    """Return a set with label maps of one size; the set itself for None.

    Raises ConfigError for a size that no map can have.
    """
    if mask_size is None:
        return concepts
    if not 1 <= mask_size <= _LARGEST:
        raise ConfigError(f"mask_size is {mask_size}, but must be from 1 to {_LARGEST:,} pixels")
    return OneSize(source=concepts, mask_size=mask_size)


def resize_planes(
    planes: Int32[np.ndarray, "plane height width"], side: int
) -> Int32[np.ndarray, "plane side side"]:
    """Return planes as squares of so many pixels a side, by the nearest pixel of each centre."""
    rows, columns = (_nearest(length, side) for length in planes.shape[1:])
    sampled: Int32[np.ndarray, "plane side side"] = planes[:, rows[:, np.newaxis], columns]
    return sampled


def _nearest(length: int, side: int) -> Int64[np.ndarray, " side"]:
    """Return the pixels of a length at the centres of `side` equal parts, in whole numbers."""
    found: Int64[np.ndarray, " side"] = (2 * np.arange(side, dtype=np.int64) + 1) * length
    return found // (2 * side)
