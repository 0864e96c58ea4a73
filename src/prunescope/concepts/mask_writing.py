"""How is a set of pictures and label maps written as a folder that `masks:` reads?"""

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Int32
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.paths import IMAGE_SUFFIXES
from prunescope.concepts.protocol import ConceptSet, splits_of
from prunescope.concepts.writing import is_shown_so, save_csv

_OF_8_BITS = 255


class MaskWriter:
    """Writes pictures of a set, each with a map, into a folder in the layout of `masks:`."""

    def __init__(self, root: Path, concepts: ConceptSet) -> None:
        """Take a new folder, and the set that shows the pictures.

        A picture keeps its path; below a folder of the name of its split if it lies in none.
        Raises DataError where two pictures would share a map.
        """
        self._root, self._concepts = root, concepts
        self._names = [
            name if not split or name.startswith(f"{split}/") else f"{split}/{name}"
            for name, split in zip(concepts.images, splits_of(concepts), strict=True)
        ]
        _check_apart(self._names, concepts.name)

    def save_picture(self, index: int, picture: Image.Image) -> None:
        """Copy a picture, or save it as PNG if the set shows it otherwise than it is stored."""
        name, stored = self._names[index], self._concepts.image_path(index)
        copied = stored.suffix.lower() in IMAGE_SUFFIXES and is_shown_so(
            stored, picture, upright=True
        )
        path = self._path("images", name if copied else _with_suffix(name, ".png"))
        if copied:
            shutil.copyfile(stored, path)
        else:
            picture.save(path)

    def save_map(self, index: int, plane: Int32[np.ndarray, "height width"]) -> None:
        """Write the map of a picture: a pixel is the value of its concept, or 0."""
        deep = int(plane.max(initial=0)) > _OF_8_BITS
        pixels = Image.fromarray(plane.astype(np.uint16 if deep else np.uint8))
        path = self._path("masks", _with_suffix(self._names[index], ".png"))
        pixels.save(path, compress_level=1)  # five times as fast, a tenth larger

    def save_names(self, names: Sequence[tuple[str, int]]) -> None:
        """Write names.csv: each concept, and the value that stands for it in maps."""
        rows = [(name, value, "object") for name, value in names]
        save_csv(self._root / "names.csv", ["name", "value", "category"], rows)

    def _path(self, folder: str, name: str) -> Path:
        path = self._root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _with_suffix(name: str, suffix: str) -> str:
    return PurePosixPath(name).with_suffix(suffix).as_posix()


def _check_apart(names: Sequence[str], where: str) -> None:
    """Raise DataError where one name without its suffix is that of another, or of its folder."""
    owners: dict[str, str] = {}
    for name in names:
        key = _with_suffix(name, "")
        if key in owners:
            raise DataError(
                f"{where} has {owners[key]} and {name}, which would share a mask: rename one"
            )
        owners[key] = name
    for name in names:
        folder = PurePosixPath(name).parent.as_posix()
        if folder in owners:
            raise DataError(
                f"{where} has {owners[folder]} and {name}, whose mask could be "
                "of either: rename one"
            )
