"""How are data sets of the Hugging Face Hub read, and those that `save_to_disk` wrote?"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.files import fingerprint
from prunescope.base.text import first_of, on_one_line, shortened
from prunescope.data.columns import find_columns
from prunescope.data.rows import Rows, rows_of

OF_DAMAGED_TYPES = (ValueError, KeyError, TypeError, AttributeError)
"""What `datasets` raises for types of columns that it cannot make sense of."""

_OF_SAVED = ("state.json", "dataset_dict.json")
_UNNAMED_SPLIT = "train"
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_SHOWN_SETS = 8
_LONGEST_REASON = 300


@dataclass(frozen=True, kw_only=True)
class HubChoice:
    """Which of the tables that a name on the Hub stands for.

    config: one of its configurations. revision: a branch, tag or commit. None is the Hub's default.
    """

    config: str | None = None
    revision: str | None = None

    @property
    def stated(self) -> dict[str, str]:
        """What is not left to the Hub, as `load_dataset` takes it."""
        named = {"name": self.config, "revision": self.revision}
        return {key: value for key, value in named.items() if value is not None}


class Tables:
    """A data set as `datasets` has it: a table for each split, mapped from files into memory."""

    def __init__(self, name: str, load: Callable[[], Mapping[str, Any]]) -> None:
        self.name = name
        self._load = load

    @cached_property
    def _tables(self) -> Mapping[str, Any]:
        return self._load()

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._tables)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the tables."""
        tables = self._tables.values()
        return tuple(Path(file["filename"]) for table in tables for file in table.cache_files)

    def count(self, split: str) -> int:
        return len(self._tables[split])

    def rows(self, split: str) -> Rows:
        return rows_of(self._tables[split])

    def fingerprint(self) -> str:
        digests = {}
        for split, table in self._tables.items():
            rows, digest = rows_of(table), hashlib.sha256()
            columns = find_columns(rows.features, f"the split {split} of {self.name}")
            for part in rows.tables(columns.image):
                for image in part[columns.image].to_pylist():
                    digest.update(image["bytes"] or Path(image["path"]).read_bytes())
            for part in rows.tables(columns.label):
                digest.update(repr(part[columns.label].to_pylist()).encode())
            digests[split] = [columns.classes, digest.hexdigest()]
        return fingerprint(digests)


def is_hub_name(source: str) -> bool:
    """Return whether a source may be a name on the Hub: no path here, nor in a folder here."""
    path = Path(source).expanduser()
    is_here = path.exists() or (len(path.parts) > 1 and path.parent.is_dir())
    return not is_here and _HUB_NAME.fullmatch(source) is not None


def open_hub(name: str, choice: HubChoice) -> Tables:
    """Return a set of the Hugging Face Hub, downloaded once into Hugging Face's cache.

    It is loaded when it is first asked for something, and raises DataError then if it cannot be.
    """

    def load() -> Mapping[str, Any]:
        import datasets

        with from_the_hub(name):
            loaded: Mapping[str, Any] = datasets.load_dataset(name, **choice.stated)
        return loaded

    return Tables(name, load)


def is_saved(folder: Path) -> bool:
    """Return whether `save_to_disk` wrote a folder."""
    return any((folder / name).is_file() for name in _OF_SAVED)


def open_saved(folder: Path) -> Tables:
    """Open what `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote; nothing is copied.

    A table that states no split is the split `train`. Raises DataError where it cannot be read.
    """
    import datasets
    import pyarrow

    try:
        loaded = datasets.load_from_disk(str(folder.absolute()))
    except IndexError as error:  # of no files, which `datasets` writes for a table without rows
        raise DataError(f"{folder} has no rows, and so the set is empty") from error
    except (OSError, *OF_DAMAGED_TYPES, pyarrow.ArrowException) as error:
        raise DataError(
            f"{folder} cannot be read as a saved data set: {reason_in_short(error)}"
        ) from error
    if not isinstance(loaded, datasets.DatasetDict):
        loaded = {str(loaded.split or _UNNAMED_SPLIT): loaded}
    return Tables(str(folder), lambda: loaded)


@contextmanager
def from_the_hub(name: str) -> Iterator[None]:
    """Turn what `datasets` raises into one DataError: why, what is cached, and how to go on.

    Hugging Face is kept from logging every request that it repeats; the last error is raised.
    """
    from datasets.exceptions import DatasetsError

    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise DataError(
            f'"{name}" is no folder here, and could not be had from the Hugging Face Hub either: '
            f"{reason_in_short(error)}. {_cached()}. Without a network, download it elsewhere "
            f"(hf download {name} --repo-type dataset --local-dir DIR), and give that folder"
        ) from error
    finally:
        logger.setLevel(before)


def reason_in_short(error: Exception) -> str:
    """Return on one line why `datasets` fails, whose reasons may be pages long."""
    return on_one_line(shortened(str(error), _LONGEST_REASON))


def _cached() -> str:
    """Say which sets Hugging Face's cache holds; they are used where there is no network."""
    from datasets import config

    folder = Path(config.HF_DATASETS_CACHE)
    kept = sorted(folder.iterdir()) if folder.is_dir() else []
    folders = [path.name for path in kept if path.is_dir() and path.name[0] not in "_."]
    sets = [name.replace("___", "/") for name in folders if name != "downloads"]
    held = on_one_line(first_of(sets, _SHOWN_SETS)) if sets else "no set"
    return f"Its cache {folder} holds {held}"
