"""How are the label maps of a concept set resized to one size?"""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Int32, Int64

from prunescope.base.errors import ConfigError
from prunescope.concepts.broken import WithoutBroken
from prunescope.concepts.label_makers import Records, makers_of
from prunescope.concepts.protocol import Annotation, ConceptSet, Divisible, splits_of

_LARGEST = 16_384


class OneSize:
    """A concept set whose label maps are all squares of one size, so that all images weigh alike.

    A pixel takes the label at its centre: row i of N that of row (i + 1/2) H / N of H, rounded
    down; columns likewise. Everything else is as in the source.
    """

    def __init__(self, source: ConceptSet, mask_size: int) -> None:
        """Resize the label maps of a set. mask_size: their side in pixels."""
        self.source, self.mask_size = source, mask_size
        self.name, self.categories = source.name, source.categories
        self.labels, self.images = source.labels, source.images
        self.image_path, self.read_image = source.image_path, source.read_image

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the set's own fingerprint and of the size."""
        return self._fingerprint(self.source.fingerprint)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing; of a divisible set alone."""
        return self._fingerprint(_divisible(self.source).tolerant_fingerprint)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the source."""
        return splits_of(self.source)

    @property
    def labelled_by(self) -> Records:
        """The networks that made the source's labels."""
        return makers_of(self.source)

    def part(self, indices: Sequence[int]) -> "OneSize":
        """Return the set of these images alone; of a divisible set."""
        return OneSize(_divisible(self.source).part(indices), self.mask_size)

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, its map resized."""
        stored = self.source.read_annotation(index)
        return Annotation(planes=resize_planes(stored.planes, self.mask_size), whole=stored.whole)

    def _fingerprint(self, of_source: str) -> str:
        stated = f"mask size {self.mask_size} of {of_source}"
        return hashlib.sha256(stated.encode()).hexdigest()


def _divisible(concepts: ConceptSet) -> Divisible:
    assert isinstance(concepts, Divisible)
    return concepts


def with_mask_size(concepts: ConceptSet, mask_size: int | None) -> ConceptSet:
    """Return a set with label maps of one size; the set itself where the size is None.

    Raises ConfigError for a size that no map can have.
    """
    if mask_size is None:
        return concepts
    if isinstance(concepts, WithoutBroken):  # which stays outermost, and so is reported
        return concepts.of(OneSize(concepts.source, checked_mask_size(mask_size)))
    return in_one_size(concepts, mask_size)


def in_one_size(concepts: ConceptSet, mask_size: int) -> OneSize:
    """Return a set with label maps of one size; the set itself if they have it already."""
    if isinstance(concepts, OneSize) and concepts.mask_size == mask_size:
        return concepts
    return OneSize(concepts, checked_mask_size(mask_size))


def checked_mask_size(mask_size: int) -> int:
    """Return the side of a label map. Raises ConfigError for one that no map can have."""
    if not 1 <= mask_size <= _LARGEST:
        raise ConfigError(f"mask_size is {mask_size}, but must be from 1 to {_LARGEST:,} pixels")
    return mask_size


def resize_planes(
    planes: Int32[np.ndarray, "plane height width"], side: int
) -> Int32[np.ndarray, "plane side side"]:
    """Return planes as squares of this side, by the nearest pixel of each centre."""
    rows, columns = (_nearest(length, side) for length in planes.shape[1:])
    sampled: Int32[np.ndarray, "plane side side"] = planes[:, rows[:, np.newaxis], columns]
    return sampled


def _nearest(length: int, side: int) -> Int64[np.ndarray, " side"]:
    """Return the pixels of a length at the centres of `side` equal parts, in whole numbers."""
    centres: Int64[np.ndarray, " side"] = (2 * np.arange(side, dtype=np.int64) + 1) * length
    return centres // (2 * side)
