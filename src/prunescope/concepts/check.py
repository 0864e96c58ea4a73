"""Can every file of a concept set be read, and is its content as stated?"""

import json
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import pandas as pd

from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import agreeing, align, counted, number, on_one_line
from prunescope.concepts.broken import MOST
from prunescope.concepts.examination import Counts, Examined
from prunescope.concepts.label_makers import labels_note
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.resized import OneSize
from prunescope.concepts.totals import Totals

_SHOWN_PROBLEMS = 20
_WEIGHT_NOTED = 1.05


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

    A set that is `Examined` adds to this what it knows of its own files.
    """
    totals = Totals(concepts)
    problems = _repeated_images(concepts)
    unread = 0
    with progress.task(f"Checking {concepts.name}", len(concepts.images)) as task:
        for index in range(len(concepts.images)):
            faults = totals.read(index)
            unread += bool(faults)
            problems += faults
            task.advance()
    labels, categories = totals.labels(), totals.categories()
    made = labels_note(concepts)
    notes = [*([] if made is None else [made]), *_unequal_sizes(totals.shapes)]
    resized = isinstance(concepts, OneSize)
    source = concepts
    while isinstance(source, OneSize):
        source = source.source
    if isinstance(source, Examined):
        found = source.examine(
            Counts(labels=labels, shapes=totals.shapes, unread=unread, resized=resized)
        )
        problems, notes = [*found.problems, *problems], [*notes, *found.notes]
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


def _repeated_images(concepts: ConceptSet) -> list[str]:
    counts = pd.Series(concepts.images).value_counts(sort=False)
    return [
        f"{image} stands in {counted(count, 'row')}: its pixels count so many times"
        for image, count in counts[counts > 1].items()
    ]
