"""What is a concept set: concept images, and the labels of their pixels?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import Image

# Python 3.11's own Protocol computes every property when asked isinstance(), fingerprints included
from typing_extensions import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Label:
    """One concept.

    number: global over all categories, from 1; 0 means "no label" and has no Label
    name: as written in the set, with its suffix (`orange` the fruit, `orange-c` the colour)
    category: the primary category, where the label covers the most
    """

    number: int
    name: str
    category: str


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What one image is labelled with.

    planes: label numbers per pixel, 0 where none; a pixel carries a label if any plane holds it.
        Without planes the first axis has length 0, and the others still give the size.
    whole: numbers of the labels that fill the whole map, as listed (never 0, repeats kept)
    """

    planes: Int32[np.ndarray, "plane height width"]
    whole: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the label map."""
        return self.planes.shape[1], self.planes.shape[2]

    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of all labels the image carries, ascending, each once."""
        return tuple(sorted({*np.unique(self.planes).tolist(), *self.whole} - {0}))


@runtime_checkable
class ConceptSet(Protocol):
    """Photographs with labels; reading is safe from several threads at once.

    Images are counted from 0 in the order of the set. Reading raises DataError, naming the file,
    where a file is missing, damaged or of another size than the set says.
    """

    @property
    def name(self) -> str:
        """The name under which the set was opened."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in use, in the set's own order."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every label of these categories, by ascending number."""

    @property
    def images(self) -> tuple[str, ...]:
        """The path of every image within the set."""

    @property
    def fingerprint(self) -> str:
        """64 hex digits that change when anything does that could change a count."""

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB."""

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image."""


@runtime_checkable
class Divisible(ConceptSet, Protocol):
    """A concept set of which images can be left out, as all are that `open_concepts` returns."""

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""

    def part(self, indices: Sequence[int]) -> "Divisible":
        """Return the set of these images alone, as if it had never had any other."""


@runtime_checkable
class WithSplits(ConceptSet, Protocol):
    """A concept set that says to which split each image belongs."""

    @property
    def splits(self) -> Sequence[str]:
        """The split of every image; empty where it has none."""


def splits_of(concepts: ConceptSet) -> tuple[str, ...]:
    """Return the split of every image; empty where the set does not say."""
    if isinstance(concepts, WithSplits):
        return tuple(concepts.splits)
    return ("",) * len(concepts.images)
