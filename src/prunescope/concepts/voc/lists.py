"""Which images do the lists of a VOC folder name, and to which split does each belong?"""

from collections.abc import Mapping
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.concepts.listing import leaves_folder

_OWN = ("train", "val", "test")  # `trainval` names their images again


def read_lists(root: Path, folder: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names in each list of `ImageSets/<folder>`, by the list's name.

    Lists with a second column say whether a class is shown, as those of VOC's own classes do, and
    are passed over. Raises DataError for a name that leaves the folder or stands twice.
    """
    lists: dict[str, tuple[str, ...]] = {}
    for path in find_files(root / "ImageSets" / folder, (".txt",)):
        try:
            lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        if any(len(words) > 1 for words in lines):
            continue
        names: dict[str, int] = {}
        for row, words in enumerate(lines, start=1):
            if not words:
                continue
            [name] = words
            if leaves_folder(name):
                raise DataError(f'{path}, line {row}: "{name}" leaves the folder of images')
            if name in names:
                raise DataError(f'{path}, line {row}: "{name}" stands in line {names[name]} too')
            names[name] = row
        lists[path.stem] = tuple(names)
    return lists


def splits_in(
    lists: Mapping[str, tuple[str, ...]], names: tuple[str, ...], wanted: str | None
) -> tuple[str, ...]:
    """Return the split of every image; empty where no list names it.

    It is the list that is wanted if that names the image, else train, val, test or another one.
    """
    order = [name for name in (wanted, *_OWN, *lists) if name in lists]
    split_of: dict[str, str] = {}
    for split in reversed([name for name in order if name is not None]):
        split_of |= dict.fromkeys(lists[split], split)
    return tuple(split_of.get(name, "") for name in names)


def find_files_by_stem(
    folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES
) -> Mapping[str, str]:
    """Return every file of a folder, relative to it, by its path without the suffix.

    Raises DataError where there is no such folder, or two files have one name.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder.parent} is no folder in VOC's layout: it has no folder {folder.name}"
        )
    found: dict[str, str] = {}
    for path in find_files(folder, suffixes):
        relative = path.relative_to(folder)
        stem = relative.with_suffix("").as_posix()
        if stem in found:
            raise DataError(f"{path} and {found[stem]} have one name: rename one")
        found[stem] = relative.as_posix()
    return found
