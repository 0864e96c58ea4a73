"""A folder of ADE20K: the full one with parts, or that of the Scene Parsing Benchmark."""

from collections.abc import Mapping
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.concepts.ade20k.full import SEGMENTS, is_picture, read_full_maps
from prunescope.concepts.ade20k.scene_parsing import TABLE, read_object_info
from prunescope.concepts.paired import PairedFolder, open_paired
from prunescope.concepts.request import Request

FORM = "ade20k:DIR"
_IN_THE_RELEASE = ("images/ADE", "images", ".")


def open_set(request: Request) -> PairedFolder:
    """Open a folder."""
    root = request.path
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    annotations, table = root / "annotations", root / TABLE
    if annotations.is_dir():
        if not table.is_file():
            raise DataError(f"there is no {table}: it says how the classes of the maps are called")
        pictures, labelled = root / "images", read_object_info(table)
        marked = _by_stem(annotations, (".png",))
    else:
        pictures = next((root / f for f in _IN_THE_RELEASE if (root / f).is_dir()), root)
        marked = {
            stem.removesuffix(SEGMENTS.removesuffix(".png")): path
            for stem, path in _by_stem(pictures, (SEGMENTS,)).items()
        }
        labelled = None
    if not marked:
        raise DataError(
            f"{root} is no folder of ADE20K: it has neither annotations/*.png (Scene Parsing) nor "
            f"images with NAME{SEGMENTS} (the full data set)"
        )
    images = {
        stem: path.relative_to(pictures).as_posix()
        for stem, path in _by_stem(pictures, IMAGE_SUFFIXES).items()
        if is_picture(path.name)
    }
    return open_paired(
        request,
        where=root,
        pictures=pictures,
        images=images,
        marked=marked,
        labelled=labelled or read_full_maps(list(marked.values())),
        splits={name: name.rpartition("/")[0].partition("/")[0] for name in marked},
    )


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> Mapping[str, Path]:
    """Return the files below a folder, by their path in it without the suffix."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in find_files(folder, suffixes)
    }
