"""Can every file of a concept set be read, and does it hold what the set says it does?"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int32, Int64

from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.broden import BrodenFolder
from prunescope.concepts.listing import read_stated_totals
from prunescope.concepts.protocol import ConceptSet

_SHOWN_PROBLEMS = 20
_COVERAGE_TOLERANCE = 1e-3  # relative: files round coverage to six decimals or fewer
_BRODEN_LABELS = 1_197
_BRODEN_SIZES = {(112, 112), (113, 113)}
# Labelled pixels in Broden 1 at 224 and 227, from the result tables of Bau et al. 2017
_BRODEN_PIXELS = {"black-c": 139_916_835, "cat": 4_163_987, "labyrinth": 51_914}


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What a concept set holds, and all that is wrong with it.

    labels: number, name, category, images, pixels; and coverage, the sum over images and planes of
        the share of pixels
    categories: category, labels (that occur), images, pixels (that carry any of its labels).
        A label counts for its primary category. A pixel counts once, however many planes say so.
    problems: whole sentences; empty for a sound set
    notes: what was not compared, and why
    """

    name: str
    images: int
    labels: pd.DataFrame
    categories: pd.DataFrame
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "images": self.images,
            "labels": json.loads(self.labels.to_json(orient="records")),
            "categories": json.loads(self.categories.to_json(orient="records")),
            "problems": list(self.problems),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """Return the categories, the problems and the notes as text for a terminal."""
        occurring = int((self.labels["images"] > 0).sum())
        lines = [f"{self.name}: {self.images:,} images, {occurring:,} labels that occur", ""]
        lines += [_table_line(*self.categories.columns)]
        lines += [_table_line(*row) for row in self.categories.itertuples(index=False)]
        lines += ["", f"{len(self.problems):,} problems" if self.problems else "no problems"]
        lines += [f"- {problem}" for problem in self.problems[:_SHOWN_PROBLEMS]]
        if len(self.problems) > _SHOWN_PROBLEMS:
            lines += [f"- and {len(self.problems) - _SHOWN_PROBLEMS:,} more"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def check_concepts(concepts: ConceptSet, *, progress: Progress = SILENT) -> Report:
    """Read every image and every label of a set; report what it holds and every problem.

    Totals are compared with `frequency` and `coverage` of label.csv where it gives them, and with
    Broden's known pixel totals where the set is Broden 1; neither where something could not be
    read or only a part of the set was opened.
    """
    totals = _Totals(concepts)
    problems = _repeated_images(concepts)
    unread = 0
    with progress.task(f"Checking {concepts.name}", len(concepts.images)) as task:
        for index in range(len(concepts.images)):
            faults = totals.read(index)
            unread += bool(faults)
            problems += faults
            task.advance()
    labels, categories = totals.labels(), totals.categories()
    notes: list[str] = []
    if not isinstance(concepts, BrodenFolder) or not concepts.whole_set:
        notes.append("totals are not compared with label.csv: not a whole folder in its layout")
    elif unread:
        notes.append(f"totals are not compared with label.csv: {unread:,} images are unreadable")
    else:
        problems += _disagreements(labels, read_stated_totals(concepts.root))
        problems += _broden_disagreements(labels, totals.shapes)
    return Report(
        name=concepts.name,
        images=len(concepts.images),
        labels=labels,
        categories=categories,
        problems=tuple(problems),
        notes=tuple(notes),
    )


class _Totals:
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
        """Count one image; return what is wrong with its files, in which case it does not count."""
        faults: list[str] = []
        try:
            self._concepts.read_image(index)
        except DataError as error:
            faults += str(error).splitlines()
        try:
            annotation = self._concepts.read_annotation(index)
        except DataError as error:
            return faults + str(error).splitlines()
        if not faults:
            self._count(annotation.planes, np.array(annotation.whole, np.int64))
            self.shapes.add(annotation.shape)
        return faults

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


def _repeated_images(concepts: ConceptSet) -> list[str]:
    counts = pd.Series(concepts.images).value_counts(sort=False)
    return [
        f"{image} stands in {count} rows: its pixels count {count} times"
        for image, count in counts[counts > 1].items()
    ]


def _disagreements(labels: pd.DataFrame, stated: dict[int, tuple[float, float]]) -> list[str]:
    problems: list[str] = []
    columns = (labels[name].tolist() for name in ("number", "name", "images", "coverage"))
    for number, name, images, covered in zip(*columns, strict=True):
        frequency, coverage = stated[number]
        if not np.isnan(frequency) and frequency != images:
            problems.append(
                f"label {number} ({name}) is in {images:,} images; label.csv says {frequency:,.0f}"
            )
        tolerance = _COVERAGE_TOLERANCE * max(1.0, coverage)
        if not np.isnan(coverage) and abs(coverage - covered) > tolerance:
            problems.append(
                f"label {number} ({name}) covers {covered:,.6f}; label.csv says {coverage:,.6f}"
            )
    return problems


def _broden_disagreements(labels: pd.DataFrame, shapes: set[tuple[int, int]]) -> list[str]:
    pixels = dict(zip(labels["name"], labels["pixels"], strict=True))
    is_broden = len(labels) == _BRODEN_LABELS and shapes <= _BRODEN_SIZES
    if not is_broden or not _BRODEN_PIXELS.keys() <= pixels.keys():
        return []
    return [
        f"Broden 1 has {expected:,} pixels of {name}; this folder has {pixels[name]:,}"
        for name, expected in _BRODEN_PIXELS.items()
        if pixels[name] != expected
    ]


def _table_line(name: object, *counts: object) -> str:
    return "".join(
        [f"  {name!s:<12}", *(f"{c:>16,}" if isinstance(c, int) else f"{c!s:>16}" for c in counts)]
    )
