"""Your own set: DIR/images, DIR/masks, DIR/names.csv."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int32
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.concepts.codes import read_map, read_mask
from prunescope.concepts.contents import Files, fingerprint_set
from prunescope.concepts.examination import Counts, Findings, left_aside
from prunescope.concepts.label_makers import Records, read_makers
from prunescope.concepts.names import Names, read_names
from prunescope.concepts.pairing import Marked, pair_masks
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request
from prunescope.concepts.selection import select_images
from prunescope.concepts.tables import FIRST_ROW
from prunescope.imaging.decoding import in_colour, read_picture, read_size

FORM = "masks:DIR"
_SHOWN_FAULTS = 20


def open_set(request: Request) -> "MaskFolder":
    """Open a folder."""
    return MaskFolder.open(
        request.path,
        name=request.name,
        split=request.split,
        limit=request.limit,
        lenient=request.lenient,
        skip_broken=request.skip_broken,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskFolder:
    """A concept set of images, masks mirrored beside them, and `names.csv`.

    Below `masks/`, `NAME.png` maps all concepts of the image NAME, as values or colours,
    `NAME/CONCEPT.png` is the mask of one concept, and `NAME/CONCEPT_1.png` that of an instance. An
    image may have all of these, and masks may overlap. It is in the set if it has any mask, even an
    empty one. Codes are checked on reading a mask.

    unmarked: the images without a mask, which are not in the set
    faults: what is wrong with names and folders; empty unless opened leniently
    labelled_by: what is recorded of the networks that made the masks; nothing where people did
    """

    root: Path
    name: str
    names: Names = field(repr=False)
    images: tuple[str, ...] = field(repr=False)
    marked: tuple[Marked, ...] = field(repr=False)
    unmarked: tuple[str, ...] = field(repr=False)
    faults: tuple[str, ...]
    whole_set: bool
    labelled_by: Records = field(default=(), repr=False)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        name: str | None = None,
        split: str | None = None,
        limit: int | None = None,
        lenient: bool = False,
        skip_broken: bool = False,
    ) -> "MaskFolder":
        """Return the set of a folder, its images in the order of their paths.

        name: of the set; `masks:` and the folder when None
        split: only the images in this folder of `images/`; limit: how many, from the first
        lenient: keep in `faults` what leaves the rest readable, instead of raising
        skip_broken: take an image that is gone, but whose masks are there, for one of the set
        Raises DataError with a line for each fault of `names.csv` and of the folders, and where no
        image has a mask; ConfigError for an unknown split.
        """
        if not root.is_dir():
            raise DataError(f"there is no folder {root}")
        names = read_names(root / "names.csv")
        pairs = pair_masks(root, names, keep_gone=skip_broken)
        faults = (*names.faults, *pairs.faults)
        if not pairs.marked:
            faults += (f"no image in {root / 'images'} has a mask in {root / 'masks'}",)
        if faults and not (lenient and pairs.marked):
            raise DataError(_listed(faults))
        splits = pa.array([marked.split for marked in pairs.marked], pa.string())
        chosen = select_images(root / "images", splits, split, limit)
        marked = tuple(pairs.marked[index] for index in chosen.tolist())
        return cls(
            root=root,
            name=name or f"masks:{root}",
            names=names,
            images=tuple(image.image for image in marked),
            marked=marked,
            unmarked=pairs.unmarked,
            faults=faults,
            whole_set=len(marked) == len(pairs.marked),
            labelled_by=read_makers(root),
        )

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in the order of their first rows in names.csv."""
        return self.names.categories

    @property
    def labels(self) -> tuple[Label, ...]:
        """The concepts of names.csv; a number is that of the row, from 1."""
        return self.names.labels

    @property
    def splits(self) -> tuple[str, ...]:
        """The split of every image; empty where it has none."""
        return tuple(marked.split for marked in self.marked)

    def examine(self, counts: Counts) -> Findings:
        """Name the faults of the folder, and the images and names that have no effect."""
        rows = {label.number: f"row {label.number + FIRST_ROW - 1}" for label in self.labels}
        notes = left_aside(
            counts,
            without=self.unmarked,
            lacking="a mask",
            rows=rows if self.whole_set else None,
            listed=f"names of {self.names.path}",
            advice="look at their values and colors, or take the rows out",
        )
        return Findings(problems=self.faults, notes=notes)

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.root / "images" / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB, turned upright according to its EXIF.

        Raises DataError where it cannot be read, or its aspect ratio differs from its masks'.
        """
        path = self.image_path(index)
        stored = read_picture(path)
        picture = in_colour(stored, path, upright=True)
        mask = self.root / "masks" / self.marked[index].masks[0]
        height, width = read_size(mask)
        # Up to rounding: half of 375 x 500 is 187 x 250 or 188 x 250
        if abs(height * picture.width - width * picture.height) >= max(picture.size):
            raise DataError(
                f"{mask} is {height} x {width} (height x width), but {path} is "
                f"{picture.height} x {picture.width}: give both the same shape, of any size"
            )
        return picture

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image: its map's plane, then those of the single masks.

        The masks of a category share planes as far as they do not overlap.
        Raises one DataError with a line for every mask that cannot be read, holds a code without
        a name, or has another size than the image's first one.
        """
        marked = self.marked[index]
        faults: list[str] = []
        coded = () if marked.coded is None else (marked.coded,)
        maps = self._read_each(coded, partial(read_map, names=self.names), faults)
        masks = self._read_each([path for _, path in marked.single], read_mask, faults)
        sizes = {path: mask.shape for path, mask in (maps | masks).items()}
        faults += self._other_sizes(sizes)
        if faults:
            raise DataError("\n".join(faults))
        of_concepts: dict[int, Bool[np.ndarray, "height width"]] = {}
        for number, path in marked.single:
            mask = masks[path]
            of_concepts[number] = of_concepts[number] | mask if number in of_concepts else mask
        planes = [*maps.values(), *self._packed(of_concepts)]
        size = next(iter(sizes.values()))
        return Annotation(
            planes=np.stack(planes) if planes else np.zeros((0, *size), np.int32), whole=()
        )

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that can change a count, in hex.

        It covers the concepts and their codes, the chosen images and their masks, see
        `fingerprint_set`. Raises DataError where a file is missing.
        """
        return fingerprint_set(self._stated(), self._files)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""
        return fingerprint_set(self._stated(), self._files, tolerant=True)

    def part(self, indices: Sequence[int]) -> "MaskFolder":
        """Return the set of these images alone, as if the folder had no other."""
        marked = tuple(self.marked[index] for index in indices)
        images = tuple(image.image for image in marked)
        return replace(self, images=images, marked=marked, whole_set=False)

    def _stated(self) -> Iterator[list[object]]:
        labels = [[label.number, label.name, label.category] for label in self.labels]
        codes = [sorted(self.names.values.items()), sorted(self.names.colors.items())]
        yield [self.categories, labels, codes]
        for marked in self.marked:
            yield [marked.image, marked.coded, marked.single]

    def _files(self) -> Files:
        for marked in self.marked:
            yield self.root / "images" / marked.image, ""
            yield from ((self.root / "masks" / mask, "") for mask in marked.masks)

    def _read_each(
        self, paths: Iterable[str], read: Callable[[Path], np.ndarray], faults: list[str]
    ) -> dict[str, np.ndarray]:
        """Return what can be read, and add a fault for every path that cannot."""
        masks: dict[str, np.ndarray] = {}
        for path in paths:
            try:
                masks[path] = read(self.root / "masks" / path)
            except DataError as error:
                faults.append(str(error))
        return masks

    def _other_sizes(self, sizes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
        paths = list(sizes)
        for path in paths[1:]:
            if sizes[path] != sizes[paths[0]]:
                (height, width), first = sizes[path], " x ".join(map(str, sizes[paths[0]]))
                yield (
                    f"{self.root / 'masks' / path} is {height} x {width} (height x width), but "
                    f"{paths[0]} is {first}: give all masks of an image one size"
                )

    def _packed(
        self, masks: Mapping[int, Bool[np.ndarray, "height width"]]
    ) -> list[Int32[np.ndarray, "height width"]]:
        """Put each mask into the first plane of its category in which it overlaps no other."""
        categories = {label.number: label.category for label in self.labels}
        planes: dict[str, list[Int32[np.ndarray, "height width"]]] = {}
        for number, mask in masks.items():
            of_category = planes.setdefault(categories[number], [])
            free = next((plane for plane in of_category if not plane[mask].any()), None)
            if free is None:
                free = np.zeros(mask.shape, np.int32)
                of_category.append(free)
            free[mask] = number
        return [plane for category in self.categories for plane in planes.get(category, [])]


def _listed(faults: Sequence[str]) -> str:
    shown = list(faults[:_SHOWN_FAULTS])
    if len(faults) > len(shown):
        shown.append(f"and {len(faults) - len(shown):,} more, which `concepts check` lists")
    return "\n".join(shown)
