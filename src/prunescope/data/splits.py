"""Which splits does a data set have, and under which names?"""

import re
from pathlib import Path, PurePath

from prunescope.base.errors import DataError
from prunescope.base.paths import require_utf8

TRAIN_NAMES = ("train", "training")
VALIDATION_NAMES = ("val", "validation", "valid", "dev")
TEST_NAMES = ("test", "testing")
SPLIT_WORDS = TRAIN_NAMES + VALIDATION_NAMES + TEST_NAMES


def match_split(splits: tuple[str, ...], wanted: tuple[str, ...]) -> str | None:
    """Return the first split that is wanted, by its name or by another name of the same thing.

    An exact match comes before one that differs in upper and lower case.
    """
    groups: list[tuple[str, ...]] = [TRAIN_NAMES, VALIDATION_NAMES, TEST_NAMES]
    stored = {split.lower(): split for split in splits} | {split: split for split in splits}
    lowered = [name.lower() for name in wanted]
    for name, word in zip(wanted, lowered, strict=True):
        synonyms: tuple[str, ...] = next((group for group in groups if word in group), ())
        for option in (name, word, *synonyms):
            if option in stored:
                return stored[option]
    evaluation = VALIDATION_NAMES + TEST_NAMES
    if not set(lowered) & set(evaluation):
        return None
    return next((stored[name] for name in evaluation if name in stored), None)


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the folders that have the name of a split, in upper or lower case, by that name.

    Raises DataError where two differ in upper and lower case alone.
    """
    folders = [path for path in subfolders(folder) if path.name.lower() in SPLIT_WORDS]
    check_distinct([path.name for path in folders], folder)
    return {path.name: path for path in folders}


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted, without hidden ones and what an archiver left.

    Raises DataError for a name that is not UTF-8.
    """
    within = (path for path in folder.iterdir() if path.is_dir())
    folders = [path for path in within if path.name[0] != "." and path.name != "__MACOSX"]
    for path in folders:
        require_utf8(path)
    return sorted(folders)


def check_distinct(splits: list[str], folder: Path) -> None:
    """Raise DataError where the names of two splits differ in upper and lower case alone."""
    before: dict[str, str] = {}
    for split in splits:
        former = before.setdefault(split.lower(), split)
        if former != split:
            raise DataError(
                f"{folder} has two splits of one name, {former} and {split}: rename one of them"
            )


def split_of(path: PurePath) -> str:
    """Return the split that a parquet file, or a folder above it, is named after."""
    shard = re.fullmatch(r"(.+?)-\d{5}-of-\d{5}(-\w+)?", path.stem)
    if shard:
        return shard[1]
    words = re.findall(r"[a-z]+", str(path.with_suffix("")).lower())
    return next((word for word in reversed(words) if word in SPLIT_WORDS), "train")
