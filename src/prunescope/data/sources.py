"""Where are labelled images stored, in which splits, and what is their fingerprint?"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prunescope.base.errors import DataError
from prunescope.base.files import fingerprint, hash_file
from prunescope.base.paths import IMAGE_SUFFIXES, find_files, require_file
from prunescope.data.hub import (
    OF_DAMAGED_TYPES,
    HubChoice,
    Tables,
    is_hub_name,
    is_saved,
    open_hub,
    open_saved,
    reason_in_short,
)
from prunescope.data.rows import Rows, rows_of
from prunescope.data.splits import check_distinct, split_folders, split_of, subfolders
from prunescope.data.stored import GroupReader, copied_reader

if TYPE_CHECKING:
    import pyarrow

_ROWS_AT_ONCE = 1_000


class ParquetFolder:
    """A folder of parquet files; their names, or those of their folders, name the splits."""

    def __init__(self, folder: Path, files: list[Path]) -> None:
        self.folder = folder
        self._files: dict[str, list[Path]] = {}
        for file in files:
            require_file(file)
            self._files.setdefault(split_of(file.relative_to(folder)), []).append(file)
        check_distinct(list(self._files), folder)
        for split, of_split in self._files.items():
            folders = sorted({str(file.parent) for file in of_split})
            if len(folders) > 1:
                raise DataError(
                    f"{folder}: the split {split} lies in several folders "
                    f"({', '.join(folders)}): give one set's folder"
                )

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._files)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the rows."""
        return tuple(chain(*self._files.values()))

    def count(self, split: str) -> int:
        return sum(_count_rows(file) for file in self._files[split])

    def rows(self, split: str) -> Rows:
        files, count = self._files[split], self.count(split)
        return Rows(
            count=count,
            features=_stream(files).features,
            tables=lambda column: _read_parquet(files, column),
            in_order=lambda column: GroupReader(files, column),
            in_any_order=lambda column, progress: copied_reader(
                files, column, _read_parquet(files, column), count, progress
            ),
        )

    def fingerprint(self) -> str:
        files = [*self.files, *self.folder.glob("classes.csv")]
        return fingerprint(_hashes(self.folder, files))


class ImageFolder:
    """A folder of class folders of images, or of train, val, test folders of these.

    Every class folder is a class, with images or without.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._roots = split_folders(folder) or {"train": folder}
        self._files = {name: find_files(root, IMAGE_SUFFIXES) for name, root in self._roots.items()}
        if not any(self._files.values()):
            raise DataError(f"{folder} holds neither parquet files nor class folders of images")

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._files)

    @property
    def files(self) -> tuple[Path, ...]:
        """The images."""
        return tuple(chain(*self._files.values()))

    @cached_property
    def classes(self) -> list[str]:
        """Names of the class folders of all splits together, sorted: they number the labels."""
        folders = {path.name for root in self._roots.values() for path in subfolders(root)}
        return sorted(folders | self._with_images)

    @cached_property
    def _with_images(self) -> set[str]:
        return {self._class(file, split) for split in self.splits for file in self._files[split]}

    def count(self, split: str) -> int:
        return len(self._files[split])

    def rows(self, split: str) -> Rows:
        from datasets import ClassLabel, Dataset, Features, Image

        files = self._files[split]
        features = Features({"image": Image(), "label": ClassLabel(names=self.classes)})
        columns = {
            "image": [str(file) for file in files],
            "label": [self._class(file, split) for file in files],
        }
        return rows_of(Dataset.from_dict(columns, features=features))

    def fingerprint(self) -> str:
        """Return a hash of all images, and of the class folders in which there are none."""
        hashes = _hashes(self.folder, self.files)
        empty = [name for name in self.classes if name not in self._with_images]
        return fingerprint(hashes | {f"{name}/": "" for name in empty})

    def _class(self, file: Path, split: str) -> str:
        inside = file.relative_to(self._roots[split])
        if len(inside.parts) < 2:
            raise DataError(f"{file} lies outside the class folders, so that it has no label")
        return inside.parts[0]


Source = ParquetFolder | ImageFolder | Tables


def open_source(source: str) -> Source:
    """Open a folder of parquet files, one that `save_to_disk` wrote, an image folder, or a Hub set.

    A folder that exists is read from disk alone, without the network.
    Raises DataError where there is none of these.
    """
    if not source:
        raise DataError("no source of labelled images is named: give a folder, or a hub name")
    folder = Path(source).expanduser()
    if folder.is_dir():
        if is_saved(folder):
            return open_saved(folder)
        parquet = find_files(folder, (".parquet",))
        return ParquetFolder(folder, parquet) if parquet else ImageFolder(folder)
    if folder.exists():
        raise DataError(f"{folder} is a file: give the folder it lies in")
    if not is_hub_name(source):
        raise DataError(
            f"the folder {folder} does not exist: name another, in a study as data.source "
            "(--set data.source=DIR)"
        )
    return open_hub(source, HubChoice())


def folders_of(folder: Path) -> list[str]:
    """Return the folders that may name splits or classes, also those without files."""
    above = subfolders(folder)
    inside = (path for root in split_folders(folder).values() for path in subfolders(root))
    return [path.relative_to(folder).as_posix() for path in (*above, *inside)]


def _count_rows(file: Path) -> int:
    import pyarrow
    from pyarrow import parquet

    require_file(file)
    try:
        return int(parquet.read_metadata(file).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file} is damaged, or no parquet file: {error}") from error


def _read_parquet(files: list[Path], column: str) -> Iterator["pyarrow.Table"]:
    import pyarrow

    files = [file for file in files if _count_rows(file)]  # `datasets` fails on one without rows
    if not files:
        return
    try:
        yield from _stream(files, [column]).with_format("arrow").iter(_ROWS_AT_ONCE)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        names = ", ".join(map(str, files))
        raise DataError(f"{names} cannot be read to the end: {error}") from error


def _stream(files: list[Path], columns: list[str] | None = None) -> Any:
    # The builder itself, not load_dataset: that reads names as patterns and locks a cache in HOME.
    from datasets.data_files import DataFilesDict, DataFilesList
    from datasets.packaged_modules.parquet.parquet import Parquet

    names = [str(file.absolute()) for file in files]
    listed = DataFilesDict({"train": DataFilesList(names, [()] * len(names))})
    with TemporaryDirectory() as unused:
        try:
            builder = Parquet(cache_dir=unused, data_files=listed, columns=columns)
            return builder.as_streaming_dataset("train")
        except OF_DAMAGED_TYPES as error:
            raise DataError(
                f"{names[0]} does not state the types of its columns: {reason_in_short(error)}"
            ) from error


def _hashes(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): hash_file(file) for file in files}
