"""What do the numbers in a data set mean: those in its maps, and those of its classes?"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.paths import require_file
from prunescope.base.text import written
from prunescope.concepts.hub.columns import Columns, check_column, item_of, members_of
from prunescope.concepts.names import Names, read_names
from prunescope.concepts.protocol import Label
from prunescope.concepts.request import Request
from prunescope.data.columns import names_of

_OBJECT, _CLASS = "object", "class"
_NOTHING = ("", "background", "_background_", "void", "unlabeled", "unlabelled", "ignore")
_IGNORED = 255
_LARGEST = 65_535


@dataclass(frozen=True, kw_only=True, eq=False)
class Classes:
    """The labels of a data set.

    maps: what the values of its maps mean; None where it has none, and where nothing says it
    numbers: of each column that has classes, the label of each of their numbers
    """

    labels: tuple[Label, ...]
    maps: Names | None = field(repr=False)
    numbers: Mapping[str, Mapping[int, int]] = field(repr=False)


def name_classes(request: Request, columns: Columns, features: Mapping[str, Any]) -> Classes:
    """Return the labels: those that `classes` names first, then those in the types of columns.

    A name is one label, wherever it stands. Classes of masks and boxes are of the category
    `object`, those of whole images of the category `class`, unless the file says another.
    Raises ConfigError where nothing names the values of a map or the classes of a column.
    """
    names = _stated_names(request, features)
    if columns.maps is not None and names is None:
        raise ConfigError(
            f"{request.place} does not say what the values in {columns.maps} mean: name them, by "
            "classes=FILE (a names.csv, or id2label as JSON) or by classes_of=COLUMN"
        )
    labels = {} if names is None else {label.name: label for label in names.labels}
    numbers: dict[str, Mapping[int, int]] = {}
    for column, feature, category in _with_classes(columns, features):
        listed = names_of(feature)
        if listed is not None:
            for name in listed:
                number = max((label.number for label in labels.values()), default=0) + 1
                labels.setdefault(name, Label(number=number, name=name, category=category))
            numbers[column] = {n: labels[name].number for n, name in enumerate(listed)}
        elif names is not None:
            numbers[column] = names.values
        else:
            raise ConfigError(
                f"the classes in {column} of {request.place} are numbers without names: name them, "
                "by classes=FILE (a names.csv, or id2label as JSON) or by classes_of=COLUMN"
            )
    return Classes(labels=tuple(labels.values()), maps=names, numbers=numbers)


def _with_classes(columns: Columns, features: Mapping[str, Any]) -> Iterable[tuple[str, Any, str]]:
    for objects in (columns.masks, columns.boxes):
        if objects is not None:
            members = members_of(features[objects.column])
            yield objects.column, members[objects.category], _OBJECT
    if columns.label is not None:
        yield columns.label, item_of(features[columns.label]), _CLASS


def _stated_names(request: Request, features: Mapping[str, Any]) -> Names | None:
    file, column = request.option_path("classes"), request.options.get("classes_of")
    if file is not None and column is not None:
        raise ConfigError(f'the concept set "{request.name}" states classes twice: keep one')
    if file is not None:
        return _read_classes(file)
    if column is None:
        return None
    check_column(request, "classes_of", column, features)
    kinds = [item_of(features[column]), *members_of(features[column]).values()]
    listed = next(filter(None, map(names_of, kinds)), None)
    if listed is None:
        raise ConfigError(
            f"classes_of={column} of {request.place} states a column whose type names no classes"
        )
    return _names_of(dict(enumerate(listed)), Path(f"{request.place}, column {column}"))


def _read_classes(path: Path) -> Names:
    """Return what a names.csv lists, or a JSON file that has a name for each number."""
    if path.suffix.lower() != ".json":
        names = read_names(path)
        if names.faults:
            raise DataError("\n".join(names.faults))
        return names
    require_file(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    content = content.get("id2label", content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(map(_is_entry, content.items())):
        raise DataError(
            f'{path} must hold a name for each number, as {{"0": "wall", "1": "door"}}, but holds '
            f"{written(content)}"
        )
    return _names_of({int(number): name for number, name in content.items()}, path)


def _is_entry(entry: tuple[str, Any]) -> bool:
    number, name = entry
    is_number = number.isascii() and number.isdigit() and int(number[:6]) <= _LARGEST
    return is_number and isinstance(name, str)


def _names_of(listed: Mapping[int, str], where: Path) -> Names:
    """Return classes as labels, numbered from 1 in their order; where: what lists them."""
    shown = {v: name for v, name in sorted(listed.items()) if name.lower() not in _NOTHING}
    if not shown:
        raise DataError(f"{where} names no class")
    for value, name in shown.items():
        if list(shown.values()).count(name) > 1:
            raise DataError(f"{where} has {written(name)} twice, once for {value}: keep one")
    numbers = {value: number for number, value in enumerate(shown, start=1)}
    labels = (Label(number=numbers[v], name=name, category=_OBJECT) for v, name in shown.items())
    nothing = dict.fromkeys((0, _IGNORED, *listed), 0)
    return Names(path=where, labels=tuple(labels), values=nothing | numbers, colors={}, faults=())
