"""How is a folder read in which each image has a file that says what it shows?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from PIL import Image
from typing_extensions import Protocol, runtime_checkable

from prunescope.concepts.contents import Files, fingerprint_set
from prunescope.concepts.examination import Counts, Findings, left_aside
from prunescope.concepts.pictures import read_sized
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request
from prunescope.concepts.selection import select_images


@runtime_checkable
class Labelled(Protocol):
    """The labels of a set, and how the file of an image is read."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every label, by ascending number."""

    @property
    def codes(self) -> Sequence[object]:
        """What decides beside the labels which label a code of a file means."""

    @property
    def lacking(self) -> str:
        """What images lack that have no such file, with its article."""

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return the file of an image, and those that belong to it."""

    def size(self, path: Path) -> tuple[int, int]:
        """Return height and width that the file states of its image."""

    def read(self, path: Path, categories: Sequence[str]) -> Annotation:
        """Return the labels of an image by its file. Raises DataError, naming the file."""


def open_paired(
    request: Request,
    *,
    where: Path,
    pictures: Path,
    images: Mapping[str, str],
    marked: Mapping[str, Path],
    labelled: Labelled,
    splits: Mapping[str, str],
) -> "PairedFolder":
    """Return a set of the images that have a file which says what they show.

    where: what says to which split an image belongs, for messages. pictures: the folder of images
    images, marked, splits: of each image its path in this folder, its file and its split, by a name
        that all three share; the order is that of `marked`. An image that is not there is told when
        it is read.
    """
    names = list(marked)
    of_splits = pa.array([splits[name] for name in names], pa.string())
    chosen = select_images(where, of_splits, request.split, request.limit)
    kept = [names[index] for index in chosen.tolist()]
    return PairedFolder(
        name=request.name,
        pictures=pictures,
        images=tuple(images.get(name, f"{name}.jpg") for name in kept),
        marked=tuple(marked[name] for name in kept),
        splits=tuple(splits[name] for name in kept),
        labelled=labelled,
        unmarked=tuple(sorted(path for name, path in images.items() if name not in marked)),
        whole_set=len(kept) == len(names),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedFolder:
    """A concept set in which each image has a file that says what it shows: a map, or boxes.

    pictures: the folder of the images
    marked: the path of each image's file
    labelled: the labels of the set, and how such a file is read
    unmarked: the pictures that have none, and so are not in the set
    """

    name: str
    pictures: Path
    images: tuple[str, ...] = field(repr=False)
    marked: tuple[Path, ...] = field(repr=False)
    splits: tuple[str, ...] = field(repr=False)
    labelled: Labelled = field(repr=False)
    unmarked: tuple[str, ...] = field(repr=False)
    whole_set: bool

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every label, by ascending number."""
        return self.labelled.labels

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in the order of their first labels."""
        return tuple(dict.fromkeys(label.category for label in self.labels))

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.pictures / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB, turned upright according to its EXIF if it then has its size.

        Raises DataError where it cannot be read, or is not as large as its map or XML file says.
        """
        marked = self.marked[index]
        return read_sized(self.image_path(index), self.labelled.size(marked), f"by {marked}")

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, its map as large as the image.

        Raises DataError, naming the file, where its map or its boxes cannot be read.
        """
        return self.labelled.read(self.marked[index], self.categories)

    def part(self, indices: Sequence[int]) -> "PairedFolder":
        """Return the set of these images alone, as if the folder had no other."""
        return replace(
            self,
            images=tuple(self.images[index] for index in indices),
            marked=tuple(self.marked[index] for index in indices),
            splits=tuple(self.splits[index] for index in indices),
            whole_set=False,
        )

    def examine(self, counts: Counts) -> Findings:
        """Name the pictures without a map or boxes, and the classes that no pixel carries."""
        rows = {label.number: f"number {label.number}" for label in self.labels}
        notes = left_aside(
            counts,
            without=self.unmarked,
            lacking=self.labelled.lacking,
            rows=rows if self.whole_set else None,
            listed="labels",
            advice="no image shows them",
        )
        return Findings(notes=notes)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that can change a count, in hex.

        It covers the labels, the chosen images, their maps or XML files, and every picture, see
        `fingerprint_set`. Raises DataError where a file is missing.
        """
        return fingerprint_set(self._stated(), self._files)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""
        return fingerprint_set(self._stated(), self._files, tolerant=True)

    def _stated(self) -> Iterator[list[object]]:
        labels = [[label.number, label.name, label.category] for label in self.labels]
        yield [self.categories, labels, self.labelled.codes]
        for image, marked in zip(self.images, self.marked, strict=True):
            yield [image, *(path.name for path in self.labelled.files(marked))]

    def _files(self) -> Files:
        for index, marked in enumerate(self.marked):
            yield self.image_path(index), f" (to which {marked} belongs)"
            yield from ((path, "") for path in self.labelled.files(marked))
