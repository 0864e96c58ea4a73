"""A folder of pictures without labels: for words, which need none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.concepts.contents import Files, fingerprint_set
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request
from prunescope.concepts.selection import select_images
from prunescope.imaging.decoding import in_colour, read_picture

FORM = "images:DIR"
SIDE = 112
"""The side of the maps on which masks are measured, since no label map says how large they are."""


def open_set(request: Request) -> "ImageFolder":
    """Open a folder."""
    root = request.path
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    paths = [path.relative_to(root).as_posix() for path in find_files(root, IMAGE_SUFFIXES)]
    if not paths:
        raise DataError(
            f"{root} holds no picture: none of its files ends in {' '.join(IMAGE_SUFFIXES)}"
        )
    splits = pa.array([_split_of(path) for path in paths], pa.string())
    chosen = select_images(root, splits, request.split, request.limit)
    return ImageFolder(
        root=root, name=request.name, images=tuple(paths[index] for index in chosen.tolist())
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFolder:
    """A concept set of all pictures below a folder, in the order of their paths, without labels.

    A picture's split is the first folder it lies in.
    """

    root: Path
    name: str
    images: tuple[str, ...] = field(repr=False)
    labels: tuple[Label, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The split of every image; empty where it lies in no folder."""
        return tuple(map(_split_of, self.images))

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.root / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB, turned upright according to its EXIF.

        Raises DataError where it cannot be read.
        """
        path = self.image_path(index)
        return in_colour(read_picture(path), path, upright=True)

    def read_annotation(self, _index: int) -> Annotation:
        """Return a map of `SIDE` x `SIDE` pixels on which nothing is labelled."""
        return Annotation(planes=np.zeros((0, SIDE, SIDE), np.int32), whole=())

    def part(self, indices: Sequence[int]) -> "ImageFolder":
        """Return the set of these images alone, as if the folder had no other."""
        return replace(self, images=tuple(self.images[index] for index in indices))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the images' paths and contents, in hex. DataError where one is missing."""
        return fingerprint_set(self._stated(), self._files)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""
        return fingerprint_set(self._stated(), self._files, tolerant=True)

    def _stated(self) -> Iterator[list[object]]:
        yield ["images without labels", SIDE]
        yield list(self.images)

    def _files(self) -> Files:
        for index in range(len(self.images)):
            yield self.image_path(index), ""


def _split_of(path: str) -> str:
    folder, slash, _ = path.partition("/")
    return folder if slash else ""
