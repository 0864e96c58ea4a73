"""Which images does a page show, in which sheets, and where are their concepts?"""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.progress import Progress
from prunescope.base.text import counted
from prunescope.concepts.protocol import Annotation, ConceptSet
from prunescope.report.pages.concept_names import NO_CONCEPT, ConceptNames
from prunescope.report.pages.page import write_chunk
from prunescope.results.layout import ASSETS

_PER_ROW, _ROWS = 5, 5  # of images on a sheet, as in picture.js
_SIDES = ((4_000, 144), (12_000, 112))  # up to so many images: pixels of the longer side
_SMALLEST = 80
_REGION_PIXELS = 64  # longer side of a concept's mask
_QUALITY = 80


class Pictures:
    """Images that a page shows, numbered in the order in which they come up."""

    def __init__(self, concepts: ConceptSet | None) -> None:
        """Begin without any. concepts: the set of which they are; None where it is not at hand."""
        self._set = concepts
        labels = () if concepts is None else concepts.labels
        self._labels = {(label.name, label.category): label.number for label in labels}
        self._numbers: dict[str, int] = {}
        self._shown: dict[int, set[int]] = defaultdict(set)

    def number_of(self, name: str, concept: int) -> int:
        """Return the number of an image on which a concept's mask is shown, too."""
        number = self._numbers.setdefault(name, len(self._numbers))
        if concept != NO_CONCEPT:
            self._shown[number].add(concept)
        return number

    def write(self, folder: Path, names: ConceptNames, progress: Progress) -> None:
        """Write sheets of images, the masks of concepts on them, and what the images are.

        An image that cannot be read is left blank and counted in a warning.
        """
        side = next((side for most, side in _SIDES if len(self._numbers) <= most), _SMALLEST)
        index_of = {} if self._set is None else {n: i for i, n in enumerate(self._set.images)}
        sizes, missing = [], []
        images, per_sheet = list(self._numbers), _PER_ROW * _ROWS
        with progress.task("Drawing the images", len(images)) as task:
            for start in range(0, len(images), per_sheet):
                sheet = Image.new("RGB", (_PER_ROW * side, _ROWS * side), (119, 119, 119))
                regions: dict[str, list[object]] = {}
                for cell, name in enumerate(images[start : start + per_sheet]):
                    number = start + cell
                    picture, found = self._read(index_of.get(name), number, names, side)
                    sheet.paste(picture, (cell % _PER_ROW * side, cell // _PER_ROW * side))
                    regions |= found or {}
                    sizes.append(picture.size)
                    missing.append(int(found is None))
                    task.advance()
                if self._set is not None:
                    path = folder / ASSETS / f"sheet-{start // per_sheet}.jpg"
                    sheet.save(path, quality=_QUALITY, optimize=True)
                    write_chunk(folder, f"regions-{start // per_sheet}", regions)
        if self._set is not None and any(missing):
            progress.say(f"{counted(sum(missing), 'image')} cannot be read and are left blank")
        values = {
            **{"side": side, "names": images, "missing": missing},
            **{"width": [width for width, _ in sizes], "height": [height for _, height in sizes]},
        }
        write_chunk(folder, "images", values | {"regions": self._set is not None})

    def _read(
        self, index: int | None, number: int, names: ConceptNames, side: int
    ) -> tuple[Image.Image, dict[str, list[object]] | None]:
        """Return an image, and its concepts' masks; a blank one and None where it is gone."""
        if self._set is None or index is None:
            return Image.new("RGB", (side, side), (119, 119, 119)), None
        try:
            image, annotation = self._set.read_image(index), self._set.read_annotation(index)
        except DataError:
            return Image.new("RGB", (side, side), (119, 119, 119)), None
        scale = side / max(image.size)
        width, height = (max(1, round(scale * length)) for length in image.size)
        small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        pairs, present = names.pairs, set(annotation.numbers())
        labels = {each: self._labels.get(pairs[each]) for each in sorted(self._shown[number])}
        found = {
            f"{number}/{concept}": write_region(annotation, label)
            for concept, label in labels.items()
            if label is not None and label in present
        }
        return small, found


def write_region(annotation: Annotation, label: int) -> list[object]:
    """Return height, width and runs of pixels without and with a label, in turn, row by row.

    The label map is read at the centres of at most 64 x 64 pixels.
    """
    rows, columns = annotation.shape
    scale = min(1.0, _REGION_PIXELS / max(rows, columns))
    height, width = (max(1, round(scale * length)) for length in (rows, columns))
    if label in annotation.whole:
        return [height, width, [0, height * width]]
    down = (2 * np.arange(height) + 1) * rows // (2 * height)
    across = (2 * np.arange(width) + 1) * columns // (2 * width)
    planes = annotation.planes[:, down][:, :, across]
    return [height, width, _runs((planes == label).any(axis=0))]


def _runs(mask: Bool[np.ndarray, "row column"]) -> list[int]:
    flat = np.concatenate([[False], mask.ravel()])
    ends = np.flatnonzero(np.diff(flat))
    edges = [0, *ends.tolist(), mask.size]
    return [after - before for before, after in pairwise(edges)]
