"""Which pixels of an image carry which labels?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from torch import Tensor, from_numpy

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Annotation, Label


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The labels that one image really carries, and where.

    columns: place of each label among the set's labels, ascending
    pixels: whether a pixel carries it, in any plane; a whole-image label fills the map
    shape: height and width of the label map
    """

    columns: Int64[Tensor, " label"]
    pixels: Bool[Tensor, "label pixel"]
    shape: tuple[int, int]


class RegionReader:
    """Turns annotations of one concept set into regions."""

    def __init__(self, labels: Sequence[Label]) -> None:
        """Take the set's labels, by ascending number."""
        numbers = np.array([label.number for label in labels], np.int64)
        self._numbers = numbers
        self._row_of = np.full(int(numbers.max(initial=0)) + 1, -1, np.int64)
        self._row_of[numbers] = np.arange(len(numbers))

    def read(self, annotation: Annotation, where: str) -> Regions:
        """Return where an annotation's labels are. Raises DataError for a label not in the set.

        where: the annotated image, for the message.
        """
        height, width = annotation.shape
        planes = annotation.planes.reshape(len(annotation.planes), height * width)
        numbers = np.array(annotation.numbers(), np.int64)
        strangers = np.setdiff1d(numbers, self._numbers)
        if strangers.size:
            raise DataError(f"{where} carries label {strangers[0]}, which the set does not list")
        row_of = np.zeros(len(self._row_of), np.int64)
        row_of[numbers] = np.arange(1, len(numbers) + 1)
        pixels = np.zeros((len(numbers) + 1, height * width), bool)  # row 0: no label
        pixels[row_of[planes], np.arange(height * width)] = True
        pixels[row_of[list(annotation.whole)]] = True
        return Regions(
            columns=from_numpy(self._row_of[numbers]),
            pixels=from_numpy(pixels[1:]),
            shape=(height, width),
        )
