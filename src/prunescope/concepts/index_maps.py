"""How is a map read whose pixels are indices of classes?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from prunescope.concepts.codes import numbers_in, read_png
from prunescope.concepts.names import Names
from prunescope.concepts.protocol import Annotation, Label
from prunescope.imaging.decoding import read_size


@dataclass(frozen=True, kw_only=True, eq=False)
class IndexMaps:
    """Maps of one index for each pixel: the files of a `PairedFolder`.

    names: the classes, by their indices and colours
    advice: what to do about an index without a class, for messages
    check: raises DataError for a map whose indices mean something else
    """

    names: Names = field(repr=False)
    advice: str
    check: Callable[[Path, Image.Image], None] | None = None
    lacking: str = "a map"

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes, by their indices."""
        return self.names.labels

    @property
    def codes(self) -> Sequence[object]:
        """The label of each index."""
        return sorted(self.names.values.items())

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return the map."""
        return (path,)

    def size(self, path: Path) -> tuple[int, int]:
        """Return height and width of a map."""
        return read_size(path)

    def read(self, path: Path, _categories: Sequence[str]) -> Annotation:
        """Return the labels of a map; of one in colours, by these.

        Raises DataError where it cannot be read, or holds an index without a class.
        """
        picture = read_png(path)
        if self.check is not None:
            self.check(path, picture)
        plane = numbers_in(path, picture, self.names, self.advice)
        return Annotation(planes=plane[np.newaxis], whole=())
