"""A folder in the layout of PASCAL VOC: maps with a palette, or boxes from XML."""

from collections.abc import Mapping
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.text import counted, on_one_line
from prunescope.concepts.paired import PairedFolder, open_paired
from prunescope.concepts.request import Request
from prunescope.concepts.voc.boxes import read_every_box
from prunescope.concepts.voc.lists import find_files_by_stem, read_lists, splits_in
from prunescope.concepts.voc.maps import choose_classes

FORM = "voc:DIR"
PATHS = ("classes",)
OPTIONS = {
    "boxes": "true fills the boxes of Annotations instead of SegmentationClass",
    "classes": "a text file with the names of your own classes",
}
_PICTURES = "JPEGImages"


def open_set(request: Request) -> PairedFolder:
    """Open a folder."""
    root, boxes = request.path, request.is_true("boxes")
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    if boxes and "classes" in request.options:
        raise ConfigError("classes names the indices of maps, but boxes=true reads no map")
    folder = root / ("Annotations" if boxes else "SegmentationClass")
    lists = read_lists(root, "Main" if boxes else "Segmentation")
    files = find_files_by_stem(folder, (".xml",) if boxes else (".png",))
    names = _listed(lists, files, folder)
    labelled = (
        read_every_box([folder / files[name] for name in names])
        if boxes
        else choose_classes(root, request.option_path("classes"))
    )
    return open_paired(
        request,
        where=root / "ImageSets" if lists else root,
        pictures=root / _PICTURES,
        images=find_files_by_stem(root / _PICTURES),
        marked={name: folder / files[name] for name in names},
        labelled=labelled,
        splits=dict(zip(names, splits_in(lists, names, request.split), strict=True)),
    )


def _listed(
    lists: Mapping[str, tuple[str, ...]], files: Mapping[str, str], folder: Path
) -> tuple[str, ...]:
    """Return the names of all images of the set, sorted: those in lists, if there are any."""
    names = sorted({name for listed in lists.values() for name in listed} if lists else files)
    if lost := [name for name in names if name not in files]:
        more = f" (and {counted(len(lost) - 1, 'other name')} likewise)" if len(lost) > 1 else ""
        hint = nearest(lost[0], files)
        raise DataError(
            f"{folder.parent / 'ImageSets'} lists {on_one_line(lost[0])}, but there is no "
            f"{folder / lost[0]} with a suffix that is read{hint}{more}: add it, or take it off "
            "the list"
        )
    if not names:
        raise DataError(f"{folder} is empty, and so is the set")
    return tuple(names)
