"""Can every file of a concept set be read, and is its content as stated?"""

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import agreeing, align, counted, number, on_one_line
from prunescope.concepts.broden import BrodenFolder
from prunescope.concepts.broken import MOST
from prunescope.concepts.listing import read_stated_totals
from prunescope.concepts.masks import MaskFolder
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.resized import OneSize
from prunescope.concepts.tables import FIRST_ROW
from prunescope.concepts.totals import Totals, known_pixels, pixel_disagreements

_SHOWN_PROBLEMS = 20
_SHOWN_NAMES = 10
_WEIGHT_NOTED = 1.05
_COVERAGE_TOLERANCE = 1e-3  # relative: files round coverage to six decimals or fewer


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What a concept set holds, and all that is wrong with it.

    labels: number, name, category, images, pixels; and coverage, the sum over images and planes of
        the share of pixels
    categories: category, labels (that occur), images, pixels (that carry any of its labels).
        A label counts for its primary category. A pixel counts once, however many planes say so.
    problems: whole sentences; empty for a sound set
    notes: what was not compared and why, and what has no effect
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
        rows = [(str(name), *map(number, counts)) for name, *counts in self.categories.to_numpy()]
        lines = [
            f"{self.name}: {counted(self.images, 'image')}, {counted(occurring, 'label')} that "
            f"{agreeing(occurring, 'occurs', 'occur')}",
            "",
            align([tuple(self.categories.columns), *rows]),
            "",
            counted(len(self.problems), "problem") if self.problems else "no problems",
        ]
        lines += [f"- {on_one_line(problem)}" for problem in self.problems[:_SHOWN_PROBLEMS]]
        if len(self.problems) > _SHOWN_PROBLEMS:
            lines += [f"- and {len(self.problems) - _SHOWN_PROBLEMS:,} more"]
        return "\n".join([*lines, *(f"note: {on_one_line(note)}" for note in self.notes)])


def check_concepts(concepts: ConceptSet, *, progress: Progress = SILENT) -> Report:
    """Read every image and every label of a set; report what it holds and every problem.

    The totals of a whole, readable folder in Broden's layout are compared with `frequency` and
    `coverage` of label.csv where it gives them, and with Broden's published pixel totals if the set
    is Broden 1. For a folder of masks, images without a mask and names without a pixel are noted.
    """
    totals = Totals(concepts)
    problems = _repeated_images(concepts)
    source = concepts.source if isinstance(concepts, OneSize) else concepts
    if isinstance(source, MaskFolder):
        problems += source.faults
    unread = 0
    with progress.task(f"Checking {concepts.name}", len(concepts.images)) as task:
        for index in range(len(concepts.images)):
            faults = totals.read(index)
            unread += bool(faults)
            problems += faults
            task.advance()
    labels, categories = totals.labels(), totals.categories()
    notes = _unequal_sizes(totals.shapes)
    if isinstance(source, MaskFolder):
        notes += _idle(source, labels, unread)
    elif not isinstance(concepts, BrodenFolder) or not concepts.whole_set:
        notes.append("totals are not compared with label.csv: not a whole folder in its layout")
    elif unread:
        notes.append(
            f"totals are not compared with label.csv: {counted(unread, 'image')} cannot be read"
        )
    else:
        problems += _disagreements(labels, read_stated_totals(concepts.root))
        pixels = dict(zip(labels["name"], labels["pixels"], strict=True))
        problems += pixel_disagreements(pixels, known_pixels(concepts, totals.shapes))
    notes += _broken(unread, len(concepts.images))
    return Report(
        name=concepts.name,
        images=len(concepts.images),
        labels=labels,
        categories=categories,
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _broken(unread: int, images: int) -> list[str]:
    """Say whether a dissection can leave the broken images out."""
    if not unread:
        return []
    can = "leaves them out" if 100 * unread <= MOST * images else f"refuses more than {MOST} %"
    share = 100 * unread / images
    return [
        f"{unread:,} of {counted(images, 'image')} ({share:.2g} %) cannot be read: "
        f"--skip-broken {can}"
    ]


def _unequal_sizes(shapes: Set[tuple[int, int]]) -> list[str]:
    """Say how much more images of larger label maps weigh, if by more than a rounded side."""
    areas = {height * width: f"{height} x {width}" for height, width in sorted(shapes)}
    factor = max(areas) / min(areas) if areas else 1
    if factor < _WEIGHT_NOTED:
        return []
    return [
        f"the label maps are from {areas[min(areas)]} to {areas[max(areas)]} pixels (height x "
        f"width), and all pixels count alike: an image of the largest weighs {factor:.3g} times as "
        "much as one of the smallest; --mask-size N makes all maps N x N"
    ]


def _idle(concepts: MaskFolder, labels: pd.DataFrame, unread: int) -> list[str]:
    """Say which images and names of a whole, readable folder of masks have no effect."""
    notes: list[str] = []
    if concepts.unmarked:
        shown = _enumerated(concepts.unmarked)
        notes.append(
            f"without a mask, and so not in the set: {counted(len(concepts.unmarked), 'image')}: "
            f"{shown}"
        )
    if unread or not concepts.whole_set:
        return [*notes, "names without a pixel are not looked for: not every mask was read"]
    idle = labels.loc[labels["images"] == 0, ["number", "name"]]
    if len(idle):
        rows = (idle["number"] + FIRST_ROW - 1).tolist()
        names = [f"{name} (row {row})" for row, name in zip(rows, idle["name"], strict=True)]
        notes.append(
            f"{len(names):,} names of {concepts.names.path} have no pixel: {_enumerated(names)}; "
            "look at their values and colors, or take the rows out"
        )
    return notes


def _enumerated(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _repeated_images(concepts: ConceptSet) -> list[str]:
    counts = pd.Series(concepts.images).value_counts(sort=False)
    return [
        f"{image} stands in {counted(count, 'row')}: its pixels count so many times"
        for image, count in counts[counts > 1].items()
    ]


def _disagreements(labels: pd.DataFrame, stated: dict[int, tuple[float, float]]) -> list[str]:
    problems: list[str] = []
    columns = (labels[name].tolist() for name in ("number", "name", "images", "coverage"))
    for label, name, images, covered in zip(*columns, strict=True):
        frequency, coverage = stated[label]
        if not np.isnan(frequency) and frequency != images:
            problems.append(
                f"label {label} ({name}) is in {counted(images, 'image')}; label.csv says "
                f"{frequency:,.0f}"
            )
        tolerance = _COVERAGE_TOLERANCE * max(1.0, coverage)
        if not np.isnan(coverage) and abs(coverage - covered) > tolerance:
            problems.append(
                f"label {label} ({name}) covers {covered:,.6f}; label.csv says {coverage:,.6f}"
            )
    return problems
