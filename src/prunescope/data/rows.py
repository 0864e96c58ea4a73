"""How are the rows of a split read, however they are stored?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunescope.base.progress import Progress
from prunescope.data.stored import Reader, table_reader

if TYPE_CHECKING:
    import pyarrow

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of one split, as they are stored.

    features: the type of every column, as Hugging Face `datasets` has it.
    tables: reads one column from the first row to the last, in tables of some rows each.
    in_order: returns a reader of a column, which is fast where one row comes after the other.
    in_any_order: returns a reader that is fast in any order; it may copy the column first, once.
    """

    count: int
    features: Mapping[str, Any]
    tables: Callable[[str], Iterator["pyarrow.Table"]]
    in_order: Callable[[str], Reader]
    in_any_order: Callable[[str, Progress], Reader]


def rows_of(table: Any) -> Rows:
    """Return the rows of a Hugging Face `Dataset`."""

    def tables(column: str) -> Iterator["pyarrow.Table"]:
        return table.select_columns([column]).with_format("arrow").iter(_ROWS_AT_ONCE)  # type: ignore[no-any-return]

    return Rows(
        count=len(table),
        features=table.features,
        tables=tables,
        in_order=lambda column: table_reader(table, column),
        in_any_order=lambda column, _progress: table_reader(table, column),
    )
