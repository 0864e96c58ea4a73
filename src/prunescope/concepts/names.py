"""Which concepts does a names.csv list, and which codes stand for them in a map?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from prunescope.base.errors import DataError, nearest
from prunescope.concepts.protocol import Label
from prunescope.concepts.tables import FIRST_ROW, read_columns, read_header

_COLUMNS = ("name", "value", "color", "category")
_CATEGORY = "object"
_LARGEST_VALUE = 65535
_CODES = {
    "value": f"a whole number from 0 to {_LARGEST_VALUE}",
    "color": "#rrggbb, six hexadecimal digits",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Names:
    """The concepts of a set of masks, numbered from 1 by their rows, and their codes.

    values, colors: label number of each listed pixel value and colour (red 65536 + green 256 +
        blue); 0 for one that stands for no concept. Empty where names.csv gives none.
    faults: contradictions, a whole sentence each
    """

    path: Path
    labels: tuple[Label, ...]
    values: Mapping[int, int]
    colors: Mapping[int, int]
    faults: tuple[str, ...]

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories in the order of their first rows."""
        return tuple(dict.fromkeys(label.category for label in self.labels))

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each name."""
        return {label.name: label.number for label in self.labels}


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    cells: Mapping[str, str]

    @property
    def title(self) -> str:
        name = self.cells["name"]
        return f'"{name}" (row {self.number})' if name else f"row {self.number}"


def read_names(path: Path) -> Names:
    """Return what a names.csv lists.

    A row has a `name` and optionally the `value` and the `color` that stand for it in a map, and a
    `category` (`object` by default). The codes of a row without a name stand for no concept, and so
    do value 0 and black unless a row lists them.
    Raises DataError where the file is no such table or names nothing. Faults of single rows are
    collected in `faults`; of two rows that contradict each other the first counts.
    """
    rows = list(_rows(path))
    faults: list[str] = []
    labels: dict[str, Label] = {}
    for row in rows:
        name = row.cells["name"]
        if name in labels:
            first = labels[name].number + FIRST_ROW - 1
            faults.append(
                f'{path}, row {row.number}: "{name}" stands in row {first} already: '
                "a concept has one row"
            )
        elif name:
            category = row.cells["category"] or _CATEGORY
            number = row.number - FIRST_ROW + 1
            labels[name] = Label(number=number, name=name, category=category)
    if not labels:
        raise DataError(f"{path} names no concept: give it a row for each")
    codes = {kind: _codes(path, rows, labels, kind, faults) for kind in _CODES}
    return Names(
        path=path,
        labels=tuple(labels.values()),
        values=codes["value"],
        colors=codes["color"],
        faults=tuple(faults),
    )


def _rows(path: Path) -> Iterator[_Row]:
    if not path.is_file():
        raise DataError(f"there is no {path}: list the concepts there, in a column name")
    header = read_header(path)
    for column in header:
        if column not in _COLUMNS:
            raise DataError(
                f'{path} has a column "{column}"{nearest(column, _COLUMNS)}; '
                f"its columns may be {', '.join(_COLUMNS)}, separated by commas"
            )
    table = read_columns(path, ["name", *(c for c in _COLUMNS[1:] if c in header)])
    for number, texts in enumerate(zip(*table.values(), strict=True), start=FIRST_ROW):
        cells = dict(zip(table, map(str.strip, texts), strict=True))
        yield _Row(number=number, cells=dict.fromkeys(_COLUMNS, "") | cells)


def _codes(
    path: Path, rows: list[_Row], labels: Mapping[str, Label], kind: str, faults: list[str]
) -> Mapping[int, int]:
    """Return the label number of each code of a kind, and add what is wrong with them."""
    owners: dict[int, _Row] = {}
    for row in rows:
        if not (text := row.cells[kind]):
            continue
        code = _code(kind, text)
        if code is None:
            faults.append(
                f'{path}, row {row.number}: {kind} is "{text}", but must be {_CODES[kind]}'
            )
        elif code in owners:
            faults.append(
                f"{path}, row {row.number}: {kind} {text} belongs to {owners[code].title} "
                "already: give each its own"
            )
        else:
            owners[code] = row
    listed = {
        code: labels[row.cells["name"]].number if row.cells["name"] else 0
        for code, row in owners.items()
    }
    return {0: 0} | listed if listed else {}


def _code(kind: str, text: str) -> int | None:
    if kind == "color":
        return int(text[1:], 16) if re.fullmatch(r"#[0-9a-fA-F]{6}", text) else None
    sound = re.fullmatch(r"[0-9]{1,5}", text) and int(text) <= _LARGEST_VALUE
    return int(text) if sound else None
