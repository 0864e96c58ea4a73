"""A folder in the layout of PASCAL VOC: maps with a palette, or boxes from XML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from PIL import Image

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import counted, on_one_line
from prunescope.concepts.contents import Files, fingerprint_set
from prunescope.concepts.examination import Counts, Findings, left_aside
from prunescope.concepts.pictures import read_sized
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request
from prunescope.concepts.selection import select_images
from prunescope.concepts.voc.boxes import VocBoxes, read_every_box
from prunescope.concepts.voc.lists import find_files_by_stem, read_lists, splits_in
from prunescope.concepts.voc.maps import VocMaps, choose_classes

FORM = "voc:DIR"
OPTIONS = {
    "boxes": "true fills the boxes of Annotations instead of SegmentationClass",
    "classes": "a text file with the names of your own classes",
}
_PICTURES = "JPEGImages"


def open_set(request: Request) -> "VocFolder":
    """Open a folder."""
    root, boxes = request.path, request.is_true("boxes")
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    if boxes and "classes" in request.options:
        raise ConfigError("classes names the indices of maps, but boxes=true reads no map")
    folder = root / ("Annotations" if boxes else "SegmentationClass")
    lists = read_lists(root, "Main" if boxes else "Segmentation")
    files = find_files_by_stem(folder, (".xml",) if boxes else (".png",))
    names = _listed(lists, files, folder)
    splits = splits_in(lists, names, request.split)
    where = root / "ImageSets" if lists else root
    chosen = select_images(where, pa.array(splits, pa.string()), request.split, request.limit)
    pictures = find_files_by_stem(root / _PICTURES)
    labels = (
        read_every_box([folder / files[name] for name in names])
        if boxes
        else choose_classes(root, request.option_path("classes"))
    )
    kept = [names[index] for index in chosen.tolist()]
    return VocFolder(
        root=root,
        name=request.name,
        images=tuple(pictures.get(name, f"{name}.jpg") for name in kept),
        marked=tuple(f"{folder.name}/{files[name]}" for name in kept),
        splits=tuple(splits[index] for index in chosen.tolist()),
        labelled=labels,
        unmarked=tuple(sorted(path for name, path in pictures.items() if name not in files)),
        whole_set=len(kept) == len(names),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class VocFolder:
    """A concept set in the layout of PASCAL VOC (Everingham et al. 2010).

    marked: the path of each image's map, or of the XML file with its boxes
    labelled: the labels of the set, and how such a file is read
    unmarked: the pictures that have none, and so are not in the set
    """

    root: Path
    name: str
    images: tuple[str, ...] = field(repr=False)
    marked: tuple[str, ...] = field(repr=False)
    splits: tuple[str, ...] = field(repr=False)
    labelled: VocMaps | VocBoxes = field(repr=False)
    unmarked: tuple[str, ...] = field(repr=False)
    whole_set: bool

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes, by their indices; or what the boxes hold, objects before parts."""
        return self.labelled.labels

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in the order of their first labels."""
        return tuple(dict.fromkeys(label.category for label in self.labels))

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.root / _PICTURES / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB, turned upright according to its EXIF if it then has its size.

        Raises DataError where it cannot be read, or is not as large as its map or XML file says.
        """
        marked = self.root / self.marked[index]
        return read_sized(self.image_path(index), self.labelled.size(marked), f"by {marked}")

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, its map as large as the image.

        Raises DataError, naming the file, where its map or its boxes cannot be read.
        """
        return self.labelled.read(self.root / self.marked[index], self.categories)

    def part(self, indices: Sequence[int]) -> "VocFolder":
        """Return the set of these images alone, as if the folder had no other."""
        images, marked, splits = (
            tuple(values[index] for index in indices)
            for values in (self.images, self.marked, self.splits)
        )
        return replace(self, images=images, marked=marked, splits=splits, whole_set=False)

    def examine(self, counts: Counts) -> Findings:
        """Name the pictures without a map or boxes, and the classes that no pixel carries."""
        rows = {label.number: str(label.number) for label in self.labels}
        notes = left_aside(
            counts,
            without=self.unmarked,
            lacking=self.labelled.lacking,
            rows=rows if self.whole_set else None,
            listed="classes",
            advice="no map shows them",
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
        yield [self.categories, labels]
        yield from map(list, zip(self.images, self.marked, strict=True))

    def _files(self) -> Files:
        for index, marked in enumerate(self.marked):
            yield self.image_path(index), f" ({marked} belongs to it)"
            yield self.root / marked, ""


def _listed(
    lists: Mapping[str, tuple[str, ...]], files: Mapping[str, str], folder: Path
) -> tuple[str, ...]:
    """Return the names of all images of the set, sorted: those in lists, if there are any."""
    names = sorted({name for listed in lists.values() for name in listed} if lists else files)
    if lost := [name for name in names if name not in files]:
        more = f" (and {counted(len(lost) - 1, 'other name')} likewise)" if len(lost) > 1 else ""
        raise DataError(
            f"{folder.parent / 'ImageSets'} lists {on_one_line(lost[0])}, but there is no "
            f"{folder / lost[0]} with a suffix that is read{more}: add it, or take it off the list"
        )
    if not names:
        raise DataError(f"{folder} is empty, and so is the set")
    return tuple(names)
