"""Which images and categories does a COCO file list, and where in it are their annotations?"""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64, UInt8
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.text import counted, written
from prunescope.concepts.coco.categories import Categories, read_categories
from prunescope.concepts.coco.elements import Element, elements
from prunescope.concepts.listing import leaves_folder

_LISTS = frozenset({"images", "annotations", "categories"})
_LARGEST_SIZE = 65_535
_DIGEST = 16  # bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoIndex:
    """The images of a COCO file that have annotations, and where these stand in it.

    ids, names, heights, widths: of every image, in the order of the file
    first: of every image its first annotation, and behind the last image their number
    offsets, lengths: bytes of the file before each annotation, and of it
    digests: of each annotation's text
    unmarked: names of the images without an annotation, which are left out
    maps: of each annotation, the path of its map of segments; none unless the file is panoptic
    has_polygons: whether an annotation is drawn with polygons
    """

    path: Path
    categories: Categories = field(repr=False)
    ids: Int64[np.ndarray, " image"] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    heights: Int32[np.ndarray, " image"] = field(repr=False)
    widths: Int32[np.ndarray, " image"] = field(repr=False)
    first: Int64[np.ndarray, " images_and_end"] = field(repr=False)
    offsets: Int64[np.ndarray, " annotation"] = field(repr=False)
    lengths: Int64[np.ndarray, " annotation"] = field(repr=False)
    digests: UInt8[np.ndarray, "annotation byte"] = field(repr=False)
    unmarked: tuple[str, ...] = field(repr=False)
    maps: tuple[str, ...] = field(repr=False)
    has_polygons: bool

    @property
    def is_panoptic(self) -> bool:
        """Whether the annotation of an image is a map of segments."""
        return bool(self.maps)

    def size(self, image: int) -> tuple[int, int]:
        """Return height and width of an image."""
        return int(self.heights[image]), int(self.widths[image])

    def title(self, image: int) -> str:
        """Return how messages name an image beside its path."""
        return f"(image {self.ids[image]} of {self.path})"

    def part(self, images: Sequence[int]) -> "CocoIndex":
        """Return the index of these images alone."""
        chosen = np.array(images, np.int64)
        starts, counts = self.first[chosen], np.diff(self.first)[chosen]
        first = np.concatenate([[0], counts.cumsum()])
        kept = np.arange(first[-1]) + np.repeat(starts - first[:-1], counts)
        return replace(
            self,
            ids=self.ids[chosen],
            names=tuple(self.names[image] for image in images),
            heights=self.heights[chosen],
            widths=self.widths[chosen],
            first=first,
            offsets=self.offsets[kept],
            lengths=self.lengths[kept],
            digests=self.digests[kept],
            maps=tuple(self.maps[place] for place in kept.tolist()) if self.maps else (),
        )


def read_index(path: Path, *, by: str) -> CocoIndex:
    """Read the index of a COCO file, by one pass over it that keeps no polygon.

    by: what is a label's category, see `read_categories`
    Raises DataError, naming file and id, where it is no COCO file or contradicts itself: an id
    twice, a name twice, an image or a category that is not listed. Shapes are checked when they
    are read.
    """
    collected = _Collected(path)
    for element in elements(path, _LISTS):
        collected.add(element)
    return collected.index(read_categories(path, collected.categories, by=by))


def digest_of(text: bytes) -> bytes:
    """Return the digest of an annotation's text."""
    return hashlib.blake2b(text, digest_size=_DIGEST).digest()


class _Collected:
    """What stands in a file, as far as it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.categories: list[Any] = []
        self.names: list[str] = []
        self.image_ids, self.sizes = array("q"), array("q")
        self.ids, self.of_image = array("q"), array("q")
        self.offsets, self.lengths = array("q"), array("q")
        self.digests = bytearray()
        self.named: dict[int, int] = {}  # the first annotation of each category
        self.maps: list[str] = []
        self.has_polygons = False

    def add(self, element: Element) -> None:
        """Add an element of one of the lists."""
        if not isinstance(element.value, dict):
            raise DataError(
                f"{self.path}: {written(element.value)} in {element.key} is no object with an id "
                f"(at byte {element.offset:,})"
            )
        try:
            if element.key == "annotations":
                self._add_annotation(element)
            elif element.key == "images":
                self._add_image(element.decoded())
            else:
                self.categories.append(element.decoded())
        except UnicodeDecodeError:
            raise DataError(
                f"{self.path} is not UTF-8 (at byte {element.offset:,}): save it again in that "
                "encoding"
            ) from None

    def index(self, categories: Categories) -> CocoIndex:
        """Return the index of all that was added."""
        image_ids, ids = np.array(self.image_ids, np.int64), np.array(self.ids, np.int64)
        self._refuse_twice(image_ids, "image")
        self._refuse_twice(ids, "annotation")
        for category, annotation in self.named.items():
            if category not in categories.numbers:
                raise DataError(
                    f"{self.path}: annotation {annotation} has category_id {category}, which no "
                    "category has: add it to categories, or take the annotation out"
                )
        images = self._images_of(image_ids, ids)
        order = np.argsort(images, kind="stable")
        counts = np.bincount(images, minlength=len(image_ids))
        sizes = np.array(self.sizes, np.int32).reshape(-1, 2)
        whole = CocoIndex(
            path=self.path,
            categories=categories,
            ids=image_ids,
            names=tuple(self.names),
            heights=sizes[:, 0],
            widths=sizes[:, 1],
            first=np.concatenate([[0], counts.cumsum()]),
            offsets=np.array(self.offsets, np.int64)[order],
            lengths=np.array(self.lengths, np.int64)[order],
            digests=np.frombuffer(bytes(self.digests), np.uint8).reshape(-1, _DIGEST)[order],
            unmarked=tuple(n for n, c in zip(self.names, counts.tolist(), strict=True) if not c),
            maps=tuple(self.maps[place] for place in order.tolist()) if self.maps else (),
            has_polygons=self.has_polygons,
        )
        return whole.part(np.flatnonzero(counts).tolist())

    def _add_image(self, image: dict[str, Any]) -> None:
        where = f"{self.path}: image {written(image.get('id'))}"
        self.image_ids.append(self._number(image, "id", where))
        name = image.get("file_name")
        if not isinstance(name, str) or not name:
            raise DataError(f"{where} has no file_name")
        if leaves_folder(name):
            raise DataError(f"{where}: {written(name)} leaves the folder of images")
        self.names.append(name)
        for side in ("height", "width"):
            length = self._number(image, side, where)
            if not 1 <= length <= _LARGEST_SIZE:
                raise DataError(
                    f"{where}: {side} is {length}, but must be from 1 to {_LARGEST_SIZE} pixels"
                )
            self.sizes.append(length)
        if Image.MAX_IMAGE_PIXELS and self.sizes[-2] * self.sizes[-1] > Image.MAX_IMAGE_PIXELS:
            raise DataError(
                f"{where}: height and width are {self.sizes[-2]} and {self.sizes[-1]}, more pixels "
                f"than the {Image.MAX_IMAGE_PIXELS:,} that are read"
            )

    def _add_annotation(self, element: Element) -> None:
        annotation = element.value
        where = f"{self.path}: annotation {written(annotation.get('id'))}"
        of_image = self._number(annotation, "image_id", where)
        segments = annotation.get("segments_info")
        if bool(self.ids) and (segments is not None) != bool(self.maps):
            raise DataError(f"{where}: some annotations have segments_info, others have none")
        if segments is None:
            number = self._number(annotation, "id", where)
            named = [annotation]
            self.has_polygons |= isinstance(annotation.get("segmentation"), list)
        else:
            number, where = of_image, f"{self.path}: the annotation of image {of_image}"
            named = self._segments(element.decoded(), where)
        for owner in named:
            self.named.setdefault(self._number(owner, "category_id", where), number)
        self.ids.append(number)
        self.of_image.append(of_image)
        self.offsets.append(element.offset)
        self.lengths.append(len(element.text))
        self.digests += digest_of(element.text.encode("latin-1"))

    def _segments(self, annotation: dict[str, Any], where: str) -> list[dict[str, Any]]:
        """Return the segments of a panoptic annotation, and keep the path of its map."""
        segments, name = annotation["segments_info"], annotation.get("file_name")
        if not isinstance(segments, list) or not all(isinstance(s, dict) for s in segments):
            raise DataError(f"{where}: segments_info must be a list of objects")
        if not isinstance(name, str) or not name:
            raise DataError(f"{where} has no file_name, that of its map of segments")
        if leaves_folder(name):
            raise DataError(f"{where}: {written(name)} leaves the folder of maps")
        self.maps.append(name)
        return segments

    def _number(self, values: dict[str, Any], key: str, where: str) -> int:
        number = values.get(key)
        if type(number) is not int or not -(2**63) <= number < 2**63:
            raise DataError(f"{where}: {key} is {written(number)}, but must be a whole number")
        return number

    def _refuse_twice(self, ids: Int64[np.ndarray, " id"], what: str) -> None:
        unique, counts = np.unique(ids, return_counts=True)
        if (repeated := unique[counts > 1]).size:
            more = f" (and {counted(len(repeated) - 1, 'other id')})" if len(repeated) > 1 else ""
            if what == "annotation" and self.maps:
                raise DataError(
                    f"{self.path}: image {repeated[0]} has two annotations{more}: keep one"
                )
            raise DataError(
                f"{self.path}: {what} {repeated[0]} stands there twice{more}: give each an id of "
                "its own"
            )

    def _images_of(
        self, image_ids: Int64[np.ndarray, " image"], ids: Int64[np.ndarray, " annotation"]
    ) -> Int64[np.ndarray, " annotation"]:
        """Return the index of each annotation's image."""
        if not len(ids):
            raise DataError(f"{self.path} has no annotations: the set is empty")
        of_image = np.array(self.of_image, np.int64)
        order = np.argsort(image_ids)
        indices = np.searchsorted(image_ids[order], of_image)
        listed = np.append(image_ids[order], 0)[indices]
        unlisted = np.flatnonzero((listed != of_image) | (indices == len(image_ids)))
        if len(unlisted):
            more = len(unlisted) - 1
            others = f" (and {counted(more, 'other annotation')} likewise)" if more else ""
            raise DataError(
                f"{self.path}: annotation {ids[unlisted[0]]} has image_id {of_image[unlisted[0]]}, "
                f"which no image has{others}: add it to images, or take the annotation out"
            )
        images: Int64[np.ndarray, " annotation"] = order[indices]
        return images
