"""How many images and pixels of a concept set carry each label, and do they agree with Broden's?"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int32, Int64

from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import Annotation, ConceptSet

_BRODEN_LABELS = 1_197
_BRODEN_SIZES = {(112, 112), (113, 113)}
# Labelled pixels in Broden 1 at 224 and 227, from the result tables of Bau et al. 2017
_BRODEN_PIXELS = {"black-c": 139_916_835, "cat": 4_163_987, "labyrinth": 51_914}


def known_pixels(concepts: ConceptSet, shapes: Collection[tuple[int, int]]) -> Mapping[str, int]:
    """Return Broden 1's published pixel totals by label, if the set is Broden 1 at 224 or 227.

    shapes: heights and widths of the set's label maps.
    Empty for any other set, also for Broden at 384, of which no totals were published.
    """
    is_broden = len(concepts.labels) == _BRODEN_LABELS and set(shapes) <= _BRODEN_SIZES
    names = {label.name for label in concepts.labels}
    return _BRODEN_PIXELS if is_broden and _BRODEN_PIXELS.keys() <= names else {}


def count_pixels(
    concepts: ConceptSet, names: Collection[str], *, progress: Progress = SILENT
) -> dict[str, int]:
    """Count, over every label map of a set, the pixels that carry the labels of some names.

    A pixel counts once for a label, however many planes say so.
    Raises DataError for a label map that cannot be read.
    """
    numbers = {label.number: label.name for label in concepts.labels if label.name in names}
    counts = dict.fromkeys(names, 0)
    with progress.task(f"Counting pixels of {concepts.name}", len(concepts.images)) as task:
        for index in range(len(concepts.images)):
            annotation = concepts.read_annotation(index)
            whole = annotation.shape[0] * annotation.shape[1]
            for number, name in numbers.items():
                carried = whole
                if number not in annotation.whole:
                    carried = int((annotation.planes == number).any(axis=0).sum())
                counts[name] += carried
            task.advance()
    return counts


def pixel_disagreements(counted: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    """Return a sentence for every label whose pixels are not as expected."""
    return [
        f"Broden 1 has {pixels:,} pixels of {name}; this folder has {counted[name]:,}"
        for name, pixels in expected.items()
        if counted[name] != pixels
    ]


class Totals:
    """Running counts over the images of a set."""

    def __init__(self, concepts: ConceptSet) -> None:
        self._concepts = concepts
        self._numbers = np.array([label.number for label in concepts.labels], np.int64)
        width = int(self._numbers.max(initial=0)) + 1
        self._owner = np.zeros(width, np.int32)
        for label in concepts.labels:
            self._owner[label.number] = concepts.categories.index(label.category) + 1
        self._images = np.zeros(width, np.int64)
        self._pixels = np.zeros(width, np.int64)
        self._coverage = np.zeros(width)
        self._category_images = np.zeros(len(concepts.categories) + 1, np.int64)
        self._category_pixels = np.zeros(len(concepts.categories) + 1, np.int64)
        self.shapes: set[tuple[int, int]] = set()

    def read(self, index: int) -> list[str]:
        """Count one image; return the faults of its files, with any of which it is not counted."""
        faults: list[str] = []
        try:
            self._concepts.read_image(index)
        except DataError as error:
            faults += str(error).splitlines()
        try:
            annotation = self._concepts.read_annotation(index)
        except DataError as error:
            # a mask that cannot be opened is reported by the check of the image's shape, too
            return list(dict.fromkeys(faults + str(error).splitlines()))
        if not faults:
            self.count(annotation)
        return faults

    def count(self, annotation: Annotation) -> None:
        """Count the labels of an image."""
        self._count(annotation.planes, np.array(annotation.whole, np.int64))
        self.shapes.add(annotation.shape)

    def labels(self) -> pd.DataFrame:
        """Return one row per label."""
        return pd.DataFrame(
            {
                "number": self._numbers,
                "name": [label.name for label in self._concepts.labels],
                "category": [label.category for label in self._concepts.labels],
                "images": self._images[self._numbers],
                "pixels": self._pixels[self._numbers],
                "coverage": self._coverage[self._numbers],
            }
        )

    def categories(self) -> pd.DataFrame:
        """Return one row per category."""
        occurring = self._owner[np.flatnonzero(self._images)]
        width = len(self._category_images)
        return pd.DataFrame(
            {
                "category": self._concepts.categories,
                "labels": np.bincount(occurring, minlength=width)[1:],
                "images": self._category_images[1:],
                "pixels": self._category_pixels[1:],
            }
        )

    def _count(
        self, planes: Int32[np.ndarray, "plane height width"], whole: Int64[np.ndarray, " whole"]
    ) -> None:
        pixels = _labelled_pixels(planes, whole, len(self._pixels))
        self._pixels += pixels
        self._images += pixels > 0
        self._coverage += _coverage(planes, whole, len(self._coverage))
        owned = _labelled_pixels(
            self._owner[planes], self._owner[whole], len(self._category_pixels)
        )
        self._category_pixels += owned
        self._category_images += owned > 0


def _labelled_pixels(
    planes: Int32[np.ndarray, "plane height width"],
    whole: Int32[np.ndarray, " whole"] | Int64[np.ndarray, " whole"],
    numbers: int,
) -> Int64[np.ndarray, " number"]:
    """Count the pixels that carry each number, once however many planes say so; none carry 0."""
    area = planes.shape[1] * planes.shape[2]
    flat = np.sort(planes.reshape(len(planes), area), axis=0)
    flat[1:][flat[1:] == flat[:-1]] = 0
    counts: Int64[np.ndarray, " number"] = np.bincount(flat.ravel(), minlength=numbers)
    counts[whole] = area
    counts[0] = 0
    return counts


def _coverage(
    planes: Int32[np.ndarray, "plane height width"],
    whole: Int64[np.ndarray, " whole"],
    numbers: int,
) -> Float64[np.ndarray, " number"]:
    """Sum the share of pixels over planes; a label for the whole image has the share 1."""
    area = planes.shape[1] * planes.shape[2]
    pixels: Int64[np.ndarray, " number"] = np.bincount(planes.ravel(), minlength=numbers)
    coverage: Float64[np.ndarray, " number"] = pixels / area
    np.add.at(coverage, whole, 1.0)
    return coverage
