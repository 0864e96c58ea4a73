"""In which folders do the pictures of a COCO file lie?"""

from collections.abc import Sequence
from pathlib import Path

from prunescope.base.errors import DataError

_LOOKED_FOR = 100  # images, of which a few may be gone


def find_images(path: Path, names: Sequence[str], stated: Path | None) -> Path:
    """Return the folder of the images of a COCO file.

    Where none is stated, it is the first of these that holds an image: the folder of the file
    (Roboflow), `images` in it or beside it (CVAT), and the folder that the end of the file's name
    says, beside the file or its folder (`annotations/instances_val2017.json` and `val2017`).
    names: of the images. Raises DataError where there is no such folder.
    """
    if stated is not None:
        if not stated.is_dir():
            raise DataError(f"there is no folder {stated}, given as images={stated}")
        return stated
    beside, above = path.parent, path.absolute().parent.parent
    last = path.stem.rpartition("_")[2]
    candidates = [beside, beside / "images", above / "images", beside / last, above / last]
    for folder in candidates:
        if any((folder / name).is_file() for name in names[:_LOOKED_FOR]):
            return folder
    tried = ", ".join(dict.fromkeys(map(str, candidates)))
    raise DataError(
        f"{path}: {names[0]} lies in none of {tried}: state the folder of the images, "
        f"coco:{path},images=DIR"
    )


def find_maps(path: Path, stated: Path | None) -> Path:
    """Return the folder of panoptic maps: the stated one, or that of the file's name beside it.

    Raises DataError where there is none.
    """
    folder = path.with_suffix("") if stated is None else stated
    if not folder.is_dir():
        advice = f"state where its maps lie, coco:{path},maps=DIR" if stated is None else "look"
        raise DataError(f"{path} is panoptic, but there is no folder {folder}: {advice}")
    return folder
