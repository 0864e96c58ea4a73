"""Which classes do the pixels of the full ADE20K show, and their parts?

Of `NAME_seg.png` and of `NAME_parts_1.png` and so on, a pixel's class is its red, divided by 10 and
rounded down, times 256 plus its green; its blue is an instance (Zhou et al. 2019). `NAME.json` says
how the classes in them are called.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.text import written
from prunescope.concepts.ade20k.short_names import shorten
from prunescope.concepts.codes import look_up, read_png
from prunescope.concepts.protocol import Annotation, Label
from prunescope.imaging.decoding import read_size

SEGMENTS = "_seg.png"
_PARTS = re.compile(r"_parts_([0-9]+)\.png$")
_OBJECT, _PART = "object", "part"
_LARGEST = 25 * 256 + 255


@dataclass(frozen=True, kw_only=True, eq=False)
class FullMaps:
    """The maps of a set: the files of a `PairedFolder`.

    values: the label number of each class, by its index; 0 for none
    parts: the maps of parts of each map of segments, by level
    faults: what is wrong with the JSON file of a map of segments
    """

    labels: tuple[Label, ...] = field(repr=False)
    values: Mapping[int, int] = field(repr=False)
    parts: Mapping[Path, tuple[Path, ...]] = field(repr=False)
    faults: Mapping[Path, str] = field(repr=False)
    lacking: str = "a map (_seg.png)"

    @property
    def codes(self) -> Sequence[object]:
        """The label of each class."""
        return sorted(self.values.items())

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return the map of segments, and those of their parts."""
        return (path, *self.parts.get(path, ()))

    def size(self, path: Path) -> tuple[int, int]:
        """Return height and width of a map."""
        return read_size(path)

    def read(self, path: Path, _categories: Sequence[str]) -> Annotation:
        """Return the labels of an image, a plane for its segments and one for each level of parts.

        Raises DataError where a map or the JSON file cannot be read, or a class has no name.
        """
        if path in self.faults:
            raise DataError(self.faults[path])
        planes = [self._plane(map_of) for map_of in self.files(path)]
        for map_of, plane in zip(self.files(path), planes, strict=True):
            if plane.shape != planes[0].shape:
                sizes = (f"{height} x {width}" for height, width in (plane.shape, planes[0].shape))
                raise DataError(
                    f"{map_of} is {next(sizes)} (height x width), but {path.name} is {next(sizes)}"
                )
        return Annotation(planes=np.stack(planes), whole=())

    def _plane(self, path: Path) -> Int32[np.ndarray, "height width"]:
        picture = read_png(path)
        if picture.mode not in ("RGB", "RGBA"):
            raise DataError(
                f"{path} is a picture of mode {picture.mode}, but the full ADE20K has maps in red, "
                "green and blue"
            )
        channels = np.asarray(picture.convert("RGB")).astype(np.int32)
        classes: Int32[np.ndarray, "height width"] = (
            channels[:, :, 0] // 10 * 256 + channels[:, :, 1]
        )
        source = Path("any JSON file of the set")
        return look_up(
            path, classes, self.values, source, lambda index: f"class {index}", "add an object"
        )


def read_full_maps(segments: Sequence[Path]) -> FullMaps:
    """Return the labels that the JSON files beside maps of segments name, and how maps are read.

    A class is a part if its instances are more often parts than objects.
    Raises DataError where no file names a class, or two call it otherwise.
    """
    names: dict[int, tuple[str, Path]] = {}
    instances: Counter[tuple[int, bool]] = Counter()
    faults: dict[Path, str] = {}
    for path in segments:
        file = path.with_name(path.name.removesuffix(SEGMENTS) + ".json")
        try:
            objects = _read_objects(file)
        except DataError as error:
            faults[path] = str(error)
            continue
        for index, name, is_part in objects:
            called, by = names.setdefault(index, (name, file))
            if called != name:
                raise DataError(
                    f"{file} calls class {index} {written(name)}, but {by} {written(called)}"
                )
            instances[index, is_part] += 1
    if not names:
        why = f": {next(iter(faults.values()))}" if faults else ""
        raise DataError(f"no JSON file in {segments[0].parent} names a class{why}")
    short = shorten({index: name for index, (name, _) in names.items()})
    labels = tuple(
        Label(
            number=number,
            name=short[index],
            category=_PART if instances[index, True] > instances[index, False] else _OBJECT,
        )
        for number, index in enumerate(sorted(names), start=1)
    )
    values = {0: 0} | {index: number for number, index in enumerate(sorted(names), start=1)}
    parts = {path: _parts_of(path) for path in segments}
    return FullMaps(labels=labels, values=values, parts=parts, faults=faults)


def _parts_of(path: Path) -> tuple[Path, ...]:
    stem = path.name.removesuffix(SEGMENTS)
    found: list[Path] = []
    while (part := path.with_name(f"{stem}_parts_{len(found) + 1}.png")).is_file():
        found.append(part)
    return tuple(found)


def is_picture(path: str) -> bool:
    """Return whether a file is a photograph, and no map."""
    return not path.endswith(SEGMENTS) and _PARTS.search(path) is None


def _read_objects(path: Path) -> list[tuple[int, str, bool]]:
    """Return class, name, and whether it is a part, of every object that a JSON file lists."""
    require_file(path)
    try:
        content = path.read_bytes()
        try:
            stated = json.loads(content)
        except UnicodeDecodeError:  # as some files of the release are
            stated = json.loads(content.decode("latin-1"))
        listed = stated["annotation"]["object"]
        return [_object(path, each) for each in ([listed] if isinstance(listed, dict) else listed)]
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} lists no objects in annotation.object") from error


def _object(path: Path, stated: dict[str, Any]) -> tuple[int, str, bool]:
    index, name, parts = stated.get("name_ndx"), stated.get("name"), stated.get("parts")
    if type(index) is not int or not 0 < index <= _LARGEST or not isinstance(name, str):
        raise DataError(
            f"{path}: object {written(stated.get('id'))} has name_ndx {written(index)} and name "
            f"{written(name)}, but needs a whole number from 1 to {_LARGEST:,} and a text"
        )
    level = parts.get("part_level") if isinstance(parts, dict) else 0
    return index, name.strip() or str(index), type(level) is int and level > 0
