"""Which class is an index of a map of the Scene Parsing Benchmark?"""

from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.text import written
from prunescope.concepts.ade20k.short_names import shorten
from prunescope.concepts.index_maps import IndexMaps
from prunescope.concepts.names import Names
from prunescope.concepts.protocol import Label

TABLE = "objectInfo150.txt"
_COLUMNS = ("Idx", "Name")
_CATEGORY = "object"
_LARGEST = 65_535


def read_object_info(path: Path) -> IndexMaps:
    """Return the classes that a table lists, and how maps of their indices are read.

    The table has columns apart by tabs, Idx and Name among them. Index 0 is none of the classes.
    Raises DataError where it cannot be read, or has an index that is none, or twice.
    """
    try:
        header, *rows = path.read_text(encoding="utf-8-sig").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    columns = [column.strip() for column in header.split("\t")]
    for column in _COLUMNS:
        if column not in columns:
            raise DataError(
                f'{path} has no column "{column}": it needs the columns Idx and Name, with a tab '
                "between each two"
            )
    names: dict[int, str] = {}
    for number, row in enumerate(rows, start=2):
        if not row.strip():
            continue
        cells = dict(zip(columns, map(str.strip, row.split("\t")), strict=False))
        index, name = cells["Idx"], cells.get("Name", "")
        if not index.isdecimal() or not 1 <= int(index) <= _LARGEST or not name:
            raise DataError(f"{path}, line {number}: {written(row)} has no index from 1 and name")
        if int(index) in names:
            raise DataError(f"{path}, line {number}: index {index} stands in two lines")
        names[int(index)] = name
    if not names:
        raise DataError(f"{path} names no class")
    short = shorten(names)
    labels = tuple(
        Label(number=number, name=short[index], category=_CATEGORY)
        for number, index in enumerate(sorted(names), start=1)
    )
    values = {0: 0} | {index: number for number, index in enumerate(sorted(names), start=1)}
    table = Names(path=path, labels=labels, values=values, colors={}, faults=())
    return IndexMaps(names=table, advice="add its line")
