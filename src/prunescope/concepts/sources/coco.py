"""A COCO file: polygons, run lengths, boxes, or panoptic maps."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import written
from prunescope.concepts.coco.categories import BY
from prunescope.concepts.coco.folders import find_images, find_maps
from prunescope.concepts.coco.index import CocoIndex, digest_of, read_index
from prunescope.concepts.coco.panoptic import read_segments
from prunescope.concepts.coco.shapes import patch_of, require_polygons
from prunescope.concepts.contents import Files, fingerprint_set
from prunescope.concepts.examination import Counts, Findings, left_aside
from prunescope.concepts.patches import Patch, joined, lay_out
from prunescope.concepts.pictures import read_sized
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request
from prunescope.concepts.selection import select_images

FORM = "coco:FILE"
PATHS = ("images", "maps")
OPTIONS = {
    "images": "the folder of the images",
    "maps": "the folder of panoptic maps",
    "boxes": "true fills boxes instead of shapes",
    "category": "kind (object or stuff) or supercategory",
}


def open_set(request: Request) -> "CocoFile":
    """Open a file."""
    path, boxes = request.path, request.is_true("boxes")
    index = read_index(path, by=request.choice("category", BY))
    if index.is_panoptic and boxes:
        raise ConfigError(f"{path} is panoptic, and has maps to read: leave out boxes=true")
    if index.has_polygons and not boxes:
        require_polygons(path)
    splits = tuple(_split(name) for name in index.names)
    chosen = select_images(path, pa.array(splits, pa.string()), request.split, request.limit)
    return CocoFile(
        name=request.name,
        index=index.part(chosen.tolist()),
        folder=find_images(path, index.names, request.option_path("images")),
        maps=find_maps(path, request.option_path("maps")) if index.is_panoptic else None,
        boxes=boxes,
        whole_set=len(chosen) == len(index.names),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoFile:
    """The images of a COCO file that have annotations, with a label for each category.

    Instances of a category are one label; where labels overlap, a pixel carries all of them.
    Crowd regions are read like any other. Only an index of the file is kept: what an image is
    annotated with is read when it is asked for, and checked then.

    folder, maps: of the images, and of panoptic maps
    boxes: whether the annotations' boxes are filled, and not their shapes
    """

    name: str
    index: CocoIndex
    folder: Path
    maps: Path | None
    boxes: bool
    whole_set: bool = field(repr=False)

    @property
    def images(self) -> tuple[str, ...]:
        """The file_name of every image."""
        return self.index.names

    @property
    def labels(self) -> tuple[Label, ...]:
        """The categories of the file, numbered from 1 by ascending id."""
        return self.index.categories.labels

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the labels, in the order of their first ones."""
        return self.index.categories.names

    @property
    def splits(self) -> tuple[str, ...]:
        """The first folder of each image; empty where it lies in none."""
        return tuple(map(_split, self.images))

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.folder / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB, turned upright according to its EXIF if it then has its size.

        Raises DataError where it cannot be read, or is not of the size that the file states.
        """
        size, title = self.index.size(index), self.index.title(index)
        return read_sized(self.image_path(index), size, title)

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, its map as large as the image.

        Labels of a category share planes as far as they do not overlap; a panoptic map is one.
        Raises one DataError with a line for every annotation that marks no pixels of the image as
        it should, or for the map.
        """
        size, title = self.index.size(index), self.index.title(index)
        annotations = self._annotations(index)
        numbers = self.index.categories.numbers
        if self.maps is not None:
            [panoptic], name = annotations, self.index.maps[index]
            plane = read_segments(self.maps / name, panoptic["segments_info"], numbers, size, title)
            return Annotation(planes=plane[np.newaxis], whole=())
        patches: dict[int, list[Patch]] = {}
        faults: list[str] = []
        for annotation in annotations:
            try:
                patch = patch_of(annotation, *size, boxes=self.boxes)
            except ValueError as error:
                who = f"{self.index.path}: annotation {written(annotation.get('id'))}"
                faults.append(f"{who} of {self.images[index]}: {error}")
            else:
                if patch is not None:
                    patches.setdefault(numbers[annotation["category_id"]], []).append(patch)
        if faults:
            raise DataError("\n".join(faults))
        of_labels = {number: joined(patches[number]) for number in sorted(patches)}
        category_of = {label.number: label.category for label in self.labels}
        return Annotation(planes=lay_out(of_labels, category_of, self.categories, size), whole=())

    def part(self, indices: Sequence[int]) -> "CocoFile":
        """Return the set of these images alone, as if the file had no other."""
        return replace(self, index=self.index.part(indices), whole_set=False)

    def examine(self, counts: Counts) -> Findings:
        """Name the images without an annotation, and the categories that no pixel carries."""
        ids = self.index.categories.numbers.items()
        notes = left_aside(
            counts,
            without=self.index.unmarked,
            lacking="an annotation",
            rows={number: f"id {id_}" for id_, number in ids} if self.whole_set else None,
            listed=f"categories of {self.index.path}",
            advice="no image is annotated with them",
        )
        return Findings(notes=notes)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that can change a count, in hex.

        It covers the categories and their ids, the images and the text of their annotations, and
        every picture, see `fingerprint_set`. Raises DataError where a file is missing.
        """
        return fingerprint_set(self._stated(), self._files)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""
        return fingerprint_set(self._stated(), self._files, tolerant=True)

    def _stated(self) -> Iterator[list[object]]:
        index = self.index
        labels = [[label.number, label.name, label.category] for label in self.labels]
        yield [self.categories, labels, index.categories.ids, self.boxes]
        for image, name in enumerate(self.images):
            annotations = index.digests[index.first[image] : index.first[image + 1]]
            yield [name, *index.size(image), annotations.tobytes().hex()]

    def _files(self) -> Files:
        for image, name in enumerate(self.images):
            where = f" {self.index.title(image)}"
            yield self.folder / name, where
            if self.maps is not None:
                yield self.maps / self.index.maps[image], where

    def _annotations(self, image: int) -> list[dict[str, Any]]:
        """Read the annotations of an image. Raises DataError where the file has changed."""
        index, read = self.index, []
        try:
            with index.path.open("rb") as file:
                for place in range(*index.first[image : image + 2].tolist()):
                    file.seek(index.offsets[place])
                    read.append(file.read(index.lengths[place]))
        except OSError as error:
            raise DataError(f"{index.path} cannot be read: {error.strerror or error}") from error
        digests = index.digests[index.first[image] : index.first[image + 1]]
        if b"".join(map(digest_of, read)) != digests.tobytes():
            raise DataError(f"{index.path} was written to since it was opened: run this again")
        return [json.loads(text.decode("latin-1")) for text in read]  # as it was checked


def _split(name: str) -> str:
    folder, slash, _ = name.partition("/")
    return folder if slash else ""
