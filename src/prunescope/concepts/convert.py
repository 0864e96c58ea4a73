"""How is any concept set written as a folder in Broden's layout?"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import Image

from prunescope.base.errors import ConfigError
from prunescope.base.files import cannot_write
from prunescope.base.folders import replacing
from prunescope.base.paths import require_place
from prunescope.base.progress import SILENT, Progress
from prunescope.base.reading import read_ahead
from prunescope.base.text import written
from prunescope.concepts.broken import advising
from prunescope.concepts.label_makers import makers_of, save_makers
from prunescope.concepts.listing import LARGEST_NUMBER
from prunescope.concepts.protocol import Annotation, ConceptSet, splits_of
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.concepts.totals import Totals
from prunescope.concepts.writing import (
    INDEX,
    LabelRow,
    is_shown_so,
    save_csv,
    save_map,
    save_tables,
)

_LONGEST_CATEGORY = 100


def convert_concepts(
    concepts: ConceptSet, out: Path, *, progress: Progress = SILENT
) -> BrodenFolder:
    """Write a set into a new folder in Broden's layout, and open it.

    Its images, labels and their numbers, and every pixel's labels in each plane are those of the
    set, so that a dissection counts the same. Pictures are copied, or saved as PNG where the set
    shows them otherwise than they are stored, such as turned upright.
    The folder appears only when it is complete. Raises ConfigError where something lies there, or
    for categories and numbers that the layout cannot hold; DataError for an image that cannot be
    read; StoreError where the disk is full.
    """
    _check(concepts)
    require_place(out)
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty: give a folder of its own as --out")
    with replacing(out) as draft:
        try:
            _Writer(concepts, draft).write(progress)
        except OSError as error:
            raise cannot_write(out, error) from error
    return BrodenFolder.open(out)


class _Writer:
    """Writes a set into a folder."""

    def __init__(self, concepts: ConceptSet, root: Path) -> None:
        self._concepts, self._root = concepts, root
        self._first = {name: index for index, name in reversed(list(enumerate(concepts.images)))}
        self._maps = _free_name("labels", concepts.images)
        self._owner = np.zeros(max(label.number for label in concepts.labels) + 1, np.int32)
        for label in concepts.labels:
            self._owner[label.number] = concepts.categories.index(label.category) + 1

    def write(self, progress: Progress) -> None:
        """Write pictures, label maps and tables."""
        concepts = self._concepts
        images, totals = range(len(concepts.images)), Totals(concepts)
        rows: list[list[str]] = []
        (self._root / "images" / self._maps).mkdir(parents=True)
        with (
            progress.task(f"converting {concepts.name}", len(images)) as task,
            closing(read_ahead(self._save, images)) as saved,
        ):
            for (name, sizes, cells, annotation), split in zip(
                saved, splits_of(concepts), strict=True
            ):
                totals.count(annotation)
                rows.append([name, split, *map(str, sizes), *cells])
                task.advance()
        save_csv(self._root / "index.csv", [*INDEX, *concepts.categories], rows)
        columns = (totals.labels()[name].tolist() for name in LabelRow._fields)
        save_tables(self._root, list(map(LabelRow, *columns)), self._concepts.categories)
        save_makers(self._root, makers_of(concepts))

    def _save(self, index: int) -> tuple[str, tuple[int, ...], list[str], Annotation]:
        """Write the files of an image; return its name, sizes, cells and labels."""
        with advising(self._concepts):
            picture = self._concepts.read_image(index)
            annotation = self._concepts.read_annotation(index)
        name = self._save_picture(index, picture)
        cells = self._save_labels(index, annotation)
        return name, (picture.height, picture.width, *annotation.shape), cells, annotation

    def _save_picture(self, index: int, picture: Image.Image) -> str:
        name, stored = self._concepts.images[index], self._concepts.image_path(index)
        is_first = self._first[name] == index
        is_copied = is_shown_so(stored, picture)
        name = name if is_copied else f"{name}.png"
        path = self._root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_first and is_copied:
            shutil.copyfile(stored, path)
        elif is_first:
            picture.save(path)
        return name

    def _save_labels(self, index: int, annotation: Annotation) -> list[str]:
        """Write the label maps of an image, each of one category; return the cells of its row."""
        cells: list[list[str]] = [[] for _ in self._concepts.categories]
        count = 0
        for plane in annotation.planes:
            for category, part in self._parts(plane):
                count += 1
                cells[category].append(self._save_map(index, count, part))
        for number in annotation.whole:
            cells[self._owner[number] - 1].append(str(number))
        if not any(cells):  # else the image would be left out
            empty = np.zeros(annotation.shape, np.int32)
            cells[0].append(self._save_map(index, 0, empty))
        return [";".join(entries) for entries in cells]

    def _save_map(self, index: int, count: int, plane: Int32[np.ndarray, "height width"]) -> str:
        entry = f"{self._maps}/{index:06}_{count}.png"
        save_map(plane, self._root / "images" / entry)
        return entry

    def _parts(
        self, plane: Int32[np.ndarray, "height width"]
    ) -> Iterator[tuple[int, Int32[np.ndarray, "height width"]]]:
        """Yield the categories of which a plane holds labels, and the plane with these alone."""
        owners = self._owner[plane]
        for category in np.flatnonzero(np.bincount(owners.ravel())[1:]).tolist():
            yield category, np.where(owners == category + 1, plane, 0)


def _free_name(name: str, images: Sequence[str]) -> str:
    """Return a name for a folder that no image lies in."""
    taken = {image.partition("/")[0] for image in images}
    while name in taken:
        name += "_"
    return name


def _check(concepts: ConceptSet) -> None:
    """Raise ConfigError for what Broden's layout cannot hold."""
    if not concepts.labels:
        raise ConfigError(
            f"{concepts.name} has no labels, and Broden's layout is a table of these: there is "
            "nothing to convert"
        )
    for category in concepts.categories:
        is_file_name = "/" not in category and "\0" not in category
        if category in INDEX or not is_file_name or len(category.encode()) > _LONGEST_CATEGORY:
            raise ConfigError(
                f"{concepts.name} has the category {written(category)}, which can be no column "
                "and file of Broden's layout: rename it"
            )
    largest = max(label.number for label in concepts.labels)
    if largest > LARGEST_NUMBER:
        raise ConfigError(
            f"{concepts.name} has a label {largest:,}, but the pixels of Broden's layout hold "
            f"numbers up to {LARGEST_NUMBER:,}"
        )
