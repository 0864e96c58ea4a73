"""What is each object of a video, whose maps hold a number for each?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from prunescope.base.errors import DataError, nearest
from prunescope.base.paths import require_file
from prunescope.base.text import written
from prunescope.concepts.codes import numbers_in, read_png
from prunescope.concepts.names import Names
from prunescope.concepts.protocol import Annotation, Label
from prunescope.imaging.decoding import read_size

_STATED_IN = ("davis_semantics.json", "meta.json")  # of DAVIS 2017, of YouTube-VOS
_CATEGORY = "object"
_LAST, _VOID = 255, 255


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoMaps:
    """Maps of the objects of videos: the files of a `PairedFolder`.

    of_video: what the numbers of each video's objects mean, by the name of its folder
    """

    labels: tuple[Label, ...]
    of_video: Mapping[str, Names] = field(repr=False)
    lacking: str = "a map"

    @property
    def codes(self) -> Sequence[object]:
        """The label of each number of each video."""
        return [[video, sorted(names.values.items())] for video, names in self.of_video.items()]

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return the map."""
        return (path,)

    def size(self, path: Path) -> tuple[int, int]:
        """Return height and width of a map."""
        return read_size(path)

    def read(self, path: Path, _categories: Sequence[str]) -> Annotation:
        """Return the labels of a frame. Raises DataError for an object that nothing names."""
        names = self.of_video[path.parent.name]
        plane = numbers_in(path, read_png(path), names, "name the object")
        return Annotation(planes=plane[np.newaxis], whole=())


def read_objects(root: Path, stated: Path | None, videos: Sequence[str]) -> VideoMaps:
    """Return what the numbers in the maps of videos mean, whose folders have these names.

    stated: a JSON file with the class of each object of each video, as DAVIS or YouTube-VOS has it.
        None takes the one in the folder; where there is none, a label is a video, whose objects it
        joins, and called as its folder.
    Raises DataError for a file of another form, and for a video that it does not name.
    """
    videos = [Path(video).name for video in videos]
    file = stated or next(filter(Path.is_file, (root / name for name in _STATED_IN)), None)
    if file is None:
        classes = {video: dict.fromkeys(range(1, _LAST + 1), video) for video in videos}
    else:
        listed = _read_classes(file)
        for video in videos:
            if video not in listed:
                raise DataError(
                    f"{file} does not name the objects of {video}{nearest(video, listed)}"
                )
        classes = {video: {_VOID: "", **listed[video]} for video in videos}
    names = sorted({name for objects in classes.values() for name in objects.values() if name})
    numbers = {name: number for number, name in enumerate(names, start=1)} | {"": 0}
    labels = tuple(Label(number=numbers[n], name=n, category=_CATEGORY) for n in names)
    return VideoMaps(
        labels=labels,
        of_video={
            video: Names(
                path=file or root,
                labels=labels,
                values={0: 0} | {value: numbers[name] for value, name in objects.items()},
                colors={},
                faults=(),
            )
            for video, objects in classes.items()
        },
    )


def _read_classes(file: Path) -> Mapping[str, Mapping[int, str]]:
    require_file(file)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file} cannot be read as JSON: {error}") from error
    videos = content.get("videos", content) if isinstance(content, dict) else content
    if not isinstance(videos, dict):
        raise DataError(f"{file} holds {written(content)}, but must have an entry for each video")
    return {video: _objects(file, video, objects) for video, objects in videos.items()}


def _objects(file: Path, video: str, objects: Any) -> Mapping[int, str]:
    listed = objects.get("objects", objects) if isinstance(objects, dict) else {}
    found: dict[int, str] = {}
    for number, stated in listed.items() if isinstance(listed, dict) else ():
        name = stated.get("category") if isinstance(stated, dict) else stated
        if number.isascii() and number.isdigit() and len(number) < 4 and isinstance(name, str):
            found[int(number)] = name
    if not found or len(found) != len(listed):
        raise DataError(
            f"{file}: the objects of {video} are {written(objects)}, but each must have a number "
            "and a class"
        )
    return found
