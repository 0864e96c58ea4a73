"""A folder in Broden's layout."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int32
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.paths import resolved
from prunescope.concepts.contents import Files, fingerprint_set
from prunescope.concepts.examination import Counts, Findings
from prunescope.concepts.label_makers import Records, read_makers
from prunescope.concepts.listing import (
    LARGEST_NUMBER,
    entries_in,
    read_categories,
    read_labels,
    read_rows,
)
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request
from prunescope.concepts.selection import select_images
from prunescope.concepts.stated import compare_totals
from prunescope.imaging.decoding import has_deep_colours, in_colour, read_picture

FORM = "broden:DIR"


def open_set(request: Request) -> "BrodenFolder":
    """Open a folder."""
    return BrodenFolder.open(
        request.path, name=request.name, split=request.split, limit=request.limit
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class BrodenFolder:
    """A concept set in Broden's layout (Bau et al., Network dissection, CVPR 2017).

    `index.csv` lists images and their label maps, both relative to `images/`; a map is a PNG at
    the row's `sh x sw` whose pixel is R + 256 G = label number. Rows without any label are left
    out. The CSV files are checked when the folder is opened, a picture when it is read.

    rows: those selected, as `read_rows` returns them
    labelled_by: what is recorded of the networks that made the labels; nothing where people did
    """

    root: Path
    name: str
    categories: tuple[str, ...]
    labels: tuple[Label, ...] = field(repr=False)
    images: tuple[str, ...] = field(repr=False)
    rows: pa.Table = field(repr=False)
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
    ) -> "BrodenFolder":
        """Return the set of a folder.

        name: of the set; `broden:` and the folder when None
        split: only the rows of this split; limit: how many of its labelled rows, from the first
        Raises DataError, naming file and row, where a CSV file is missing, unreadable or
        contradicts another, or a path leaves the folder; ConfigError for an unknown split.
        """
        if not root.is_dir():
            raise DataError(f"there is no folder {root}")
        if not (root / "images").is_dir():
            raise DataError(f"{root} is no folder in Broden's layout: it has no folder images")
        categories = read_categories(root)
        labels = read_labels(root, categories)
        rows = read_rows(root, categories, labels)
        chosen = select_images(root / "index.csv", rows["split"], split, limit)
        is_whole = len(chosen) == len(rows)
        selected = rows if is_whole else rows.take(pa.array(chosen))  # which would be a copy
        return cls(
            root=root,
            name=name or f"broden:{root}",
            categories=categories,
            labels=labels,
            images=tuple(selected["image"].to_pylist()),
            rows=selected,
            whole_set=is_whole,
            labelled_by=read_makers(root),
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """The split of every image; empty where it has none."""
        return tuple(self.rows["split"].to_pylist())

    def examine(self, counts: Counts) -> Findings:
        """Compare the totals of the whole folder with what its label.csv states."""
        return compare_totals(self, self.root, counts, whole_set=self.whole_set)

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.root / "images" / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB; DataError unless it is a sound picture of ih x iw."""
        row = self._row(index)
        picture = self._read_picture(index, self.images[index], row["ih"], row["iw"])
        return in_colour(picture, f"{self.image_path(index)} {self._place(index)}")

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, planes in the order of the columns and their cells.

        Raises one DataError with a line for every map that is missing, damaged, of another size
        than sh x sw, or holds a number without a label.
        """
        row = self._row(index)
        height, width = row["sh"], row["sw"]
        whole: list[int] = []
        planes: list[Int32[np.ndarray, "height width"]] = []
        faults: list[str] = []
        for entry in entries_in(row["cells"]):
            if entry.isdecimal():
                whole.append(int(entry))
                continue
            try:
                planes.append(self._read_plane(index, entry, height, width))
            except DataError as error:
                faults.append(str(error))
        if faults:
            raise DataError("\n".join(faults))
        stack = np.stack(planes) if planes else np.zeros((0, height, width), np.int32)
        return Annotation(planes=stack, whole=tuple(whole))

    def part(self, indices: Sequence[int]) -> "BrodenFolder":
        """Return the set of these images alone, as if `index.csv` had no other rows."""
        images = tuple(self.images[index] for index in indices)
        rows = self.rows.take(pa.array(indices, pa.int64()))
        return replace(self, images=images, rows=rows, whole_set=False)

    def files(self) -> Files:
        """Yield every file the rows name, and in which row."""
        folder = self.root / "images"
        for row in self._rows():
            maps = (entry for entry in entries_in(row["cells"]) if not entry.isdecimal())
            for relative in (row["image"], *maps):
                yield folder / relative, f" (row {row['number']} of {self.root / 'index.csv'})"

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that can change a count, in hex.

        It covers the categories, the labels, the selected rows (not their splits) and every file
        they name, see `fingerprint_set`. Raises DataError where a file is missing.
        """
        return fingerprint_set(self._stated(), self.files)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""
        return fingerprint_set(self._stated(), self.files, tolerant=True)

    @cached_property
    def _folder(self) -> Path:
        return resolved(self.root / "images")

    @cached_property
    def _is_listed(self) -> Bool[np.ndarray, " number"]:
        is_label = np.zeros(LARGEST_NUMBER + 1, bool)
        is_label[[0, *(label.number for label in self.labels)]] = True
        return is_label

    def _stated(self) -> Iterator[list[object]]:
        labels = [[label.number, label.name, label.category] for label in self.labels]
        yield [self.categories, labels]
        for row in self._rows():
            sizes = (row[name] for name in ("ih", "iw", "sh", "sw"))
            yield [row["image"], *sizes, *entries_in(row["cells"])]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for batch in self.rows.to_batches(max_chunksize=1024):  # not all in Python at a time
            yield from batch.to_pylist()

    def _row(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = self.rows.slice(index, 1).to_pylist()[0]
        return row

    def _read_plane(
        self, index: int, relative: str, height: int, width: int
    ) -> Int32[np.ndarray, "height width"]:
        picture = self._read_picture(index, relative, height, width)
        path = self.root / "images" / relative
        if picture.mode not in ("RGB", "RGBA", "P"):
            fault = f"is a picture of mode {picture.mode}, but a label map is RGB, red + 256 green"
            raise self._fault(index, path, fault)
        if has_deep_colours(path):
            fault = "has colours of 16 bits, but those of a label map have 8"
            raise self._fault(index, path, fault)
        channels = np.asarray(picture.convert("RGB"))
        green = channels[:, :, 1].astype(np.int32)
        plane: Int32[np.ndarray, "height width"] = channels[:, :, 0] + 256 * green
        if not self._is_listed[plane].all():
            unlisted = plane[~self._is_listed[plane]].min()
            fault = f"holds label {unlisted}, without a row in label.csv and a c_<category>.csv"
            raise self._fault(index, path, fault)
        return plane

    def _read_picture(self, index: int, relative: str, height: int, width: int) -> Image.Image:
        path = self.root / "images" / relative
        try:
            picture = read_picture(path, within=self._folder)
        except DataError as error:
            raise DataError(f"{error} {self._place(index)}") from error
        if picture.size != (width, height):
            size = f"{picture.height} x {picture.width}"
            fault = f"is {size} (height x width), but the row says {height} x {width}"
            raise self._fault(index, path, fault)
        return picture

    def _fault(self, index: int, path: Path, fault: str) -> DataError:
        return DataError(f"{path} {fault} {self._place(index)}")

    def _place(self, index: int) -> str:
        return f"(row {self._row(index)['number']} of {self.root / 'index.csv'})"
