"""How is a single image of a split read from its files?"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from prunescope.base.cache import cache_folder, turn_to_make
from prunescope.base.errors import DataError, StoreError
from prunescope.base.files import fingerprint, process_mark, sync
from prunescope.base.paths import require_file, require_room
from prunescope.base.progress import Progress

if TYPE_CHECKING:
    import pyarrow

Cell = Any  # what a column of images holds: bytes and path by name, or None
Reader = Callable[[int], Cell]

_GROUPS_KEPT = 2


def table_reader(table: Any, column: str) -> Reader:
    """Return a reader of one column of a Hugging Face `Dataset`, in any order."""
    rows = table.select_columns([column]).with_format("arrow")
    return lambda number: rows[number][column][0].as_py()


class GroupReader:
    """Reads parquet files by row groups, and keeps the last ones in memory.

    Rows in their order are read fast; in any other order each row costs a whole group.
    """

    def __init__(self, files: Sequence[Path], column: str) -> None:
        from pyarrow import parquet

        self._column = column
        self._groups: list[tuple[Path, int]] = []
        self._starts = [0]
        for file in files:
            metadata = parquet.read_metadata(file)
            for group in range(metadata.num_row_groups):
                self._groups.append((file, group))
                self._starts.append(self._starts[-1] + metadata.row_group(group).num_rows)
        self._kept: OrderedDict[int, pyarrow.ChunkedArray] = OrderedDict()
        self._lock = Lock()

    def __call__(self, number: int) -> Cell:
        """Return a row. Raises DataError naming the file that cannot be read."""
        group = bisect_right(self._starts, number) - 1
        with self._lock:
            if group not in self._kept:
                self._kept[group] = self._read(*self._groups[group])
            self._kept.move_to_end(group)
            while len(self._kept) > _GROUPS_KEPT:
                self._kept.popitem(last=False)
            cells = self._kept[group]
        return cells[number - self._starts[group]].as_py()

    def _read(self, file: Path, group: int) -> "pyarrow.ChunkedArray":
        import pyarrow
        from pyarrow import parquet

        require_file(file)
        try:
            with parquet.ParquetFile(file) as opened:
                return opened.read_row_group(group, columns=[self._column])[self._column]
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read: {error}") from error


def copied_reader(
    files: Sequence[Path],
    column: str,
    tables: Iterator["pyarrow.Table"],
    count: int,
    progress: Progress,
) -> Reader:
    """Return a reader of parquet files in any order, from an uncompressed copy in the cache.

    The copy is made once, also where several processes ask for it at once, and anew where the
    names, sizes or times of the files change. tables: the column from beginning to end, which is
    read only for the copy.
    Raises ConfigError where the cache cannot be written, StoreError where its disk lacks room,
    DataError where the files cannot be read.
    """
    from datasets import Dataset

    stats = [(str(file.absolute()), file.stat()) for file in files]
    named = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    copy = cache_folder() / f"images-{fingerprint([column, named])[:16]}.arrow"
    if not copy.is_file():
        with turn_to_make(copy, f"the images of {files[0].parent}"):
            if not copy.is_file():
                size = sum(stat.st_size for _, stat in stats)
                require_room(copy.parent, size, f"reading {files[0].parent} in random order")
                copy_tables(tables, copy, count, progress)
    return table_reader(Dataset.from_file(str(copy)), column)


def copy_tables(
    tables: Iterator["pyarrow.Table"], path: Path, count: int, progress: Progress
) -> None:
    """Write tables as one Arrow stream, whole or not at all; count: of their rows, at most."""
    import pyarrow

    for abandoned in path.parent.glob(f".{path.name}.*.draft"):
        abandoned.unlink(missing_ok=True)
    draft = path.with_name(f".{path.name}.{process_mark()}.draft")
    first = next(tables)
    try:
        with (
            pyarrow.OSFile(str(draft), "wb") as file,
            pyarrow.ipc.new_stream(file, first.schema) as writer,
            progress.task("copying the images where they can be read in any order", count) as task,
        ):
            writer.write_table(first)
            task.advance(len(first))
            for table in tables:
                writer.write_table(table)
                task.advance(len(table))
        sync(draft)
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
