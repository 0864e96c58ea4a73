"""How are the first rows of a large set of the Hub had without downloading the rest?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.cache import cache_folder, turn_to_make
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.files import fingerprint
from prunescope.base.folders import replacing
from prunescope.base.progress import Progress
from prunescope.data.hub import HubChoice, Tables, from_the_hub
from prunescope.data.stored import copy_tables

if TYPE_CHECKING:
    import pyarrow

_ROWS_AT_ONCE = 100


def stream_hub(
    name: str, choice: HubChoice, rows: int, split: str | None, progress: Progress
) -> Tables:
    """Return the first `rows` rows of each split of a set of the Hub, or of one split.

    They are streamed into a folder of the cache, images as they are encoded, once: a later change
    on the Hub is not noticed, and no network is needed any more.
    Raises ConfigError for a split that there is not, DataError where the Hub does not give them.
    """
    asked = [name, choice.stated, rows, split]
    folder = cache_folder() / f"hub-{fingerprint(asked)[:16]}"
    if not folder.is_dir():
        with turn_to_make(folder, f"the rows of {name}"):
            if not folder.is_dir():
                with replacing(folder) as draft:
                    _stream(name, choice, rows, split, draft, progress)
    return Tables(name, lambda: _opened(folder))


def _opened(folder: Path) -> Mapping[str, Any]:
    from datasets import Dataset

    return {path.stem: Dataset.from_file(str(path)) for path in sorted(folder.glob("*.arrow"))}


def _stream(
    name: str, choice: HubChoice, rows: int, split: str | None, folder: Path, progress: Progress
) -> None:
    import datasets

    with from_the_hub(name):
        found = datasets.load_dataset(name, streaming=True, **choice.stated)
        if split is not None and split not in found:
            raise ConfigError(
                f'{name} has no split "{split}"{nearest(split, found)}; it has {", ".join(found)}'
            )
        for each in found if split is None else [split]:
            tables = _tables(name, found[each], rows)
            copy_tables(tables, folder / f"{each}.arrow", rows, progress)


def _tables(name: str, stream: Any, rows: int) -> Iterator["pyarrow.Table"]:
    from datasets.table import embed_table_storage, table_cast

    if stream.features is None:
        raise DataError(f"{name} does not state the types of its columns: download it whole")
    schema = stream.features.arrow_schema
    yield schema.empty_table()
    for table in stream.take(rows).with_format("arrow").iter(_ROWS_AT_ONCE):
        yield embed_table_storage(table_cast(table, schema))
