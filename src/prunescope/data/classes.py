"""Which classes does a data set have, which of them are used, and in which order?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
from jaxtyping import Int64
from pydantic import BeforeValidator, WithJsonSchema

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.text import counted, on_one_line, written

ClassChoice: TypeAlias = int | tuple[str, ...]
"""How many classes, from the first on, or names in the order of the network's outputs."""

_MOST = 1_000_000
_SHOWN = 5
_FORMS = "a number N for the first N, names with commas between them, or a file of names"


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of a data set, by number.

    numbered: their names are their numbers alone, so that there may be more than have images.
    """

    names: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The images of the classes that are used. rows: their numbers in the split, rising.

    labels: of each of them, an index into classes.
    """

    rows: Int64[np.ndarray, " image"]
    labels: Int64[np.ndarray, " image"]
    classes: tuple[str, ...]


def read_classes(value: Any) -> Any:
    """Return a choice of classes, as a recipe or a command line states it; None stays None.

    value: N; a list of names; or a text: N, "a,b,c", or a file with one name a line.
    Raises ValueError where it is none of these, is empty, or names a class twice.
    """
    if isinstance(value, str):
        value = _from_text(value)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= _MOST:
            raise ValueError(f"{written(value)} classes cannot be chosen: give 1 to {_MOST:,}")
        return value
    if not isinstance(value, list | tuple):
        raise ValueError(f"{written(value)} chooses no classes: give {_FORMS}")
    names = tuple(str(name) if type(name) is int else name for name in value)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{shown(names)} are not names of classes: give {_FORMS}")
    _check_distinct(names)
    return names


ClassSetting = Annotated[
    ClassChoice | None,
    BeforeValidator(read_classes),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _MOST},
                {"type": "string"},
                {"type": "array", "items": {"type": ["string", "integer"]}},
                {"type": "null"},
            ]
        }
    ),
]
"""A choice of classes as a recipe states it."""


def classes_stated(value: Any, where: str) -> ClassChoice | None:
    """Return a choice of classes as `read_classes` does. Raises ConfigError that says where."""
    try:
        choice: ClassChoice | None = read_classes(value)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    return choice


def choose(
    labels: Int64[np.ndarray, " image"], stored: Classes, choice: ClassChoice | None, where: str
) -> Chosen:
    """Return the images of the classes that are chosen, labelled in the order of the choice.

    None chooses all. A name that is not there is a class without images where no class of the data
    is left out, else an error.
    Raises ConfigError for a choice that the data does not have, DataError where no image is left.
    """
    names = _chosen_names(stored, choice, where)
    if names == stored.names:
        return Chosen(rows=np.arange(len(labels)), labels=labels, classes=names)
    position = {name: number for number, name in enumerate(names)}
    new = np.array([position.get(name, -1) for name in stored.names], np.int64)[labels]
    rows = np.flatnonzero(new >= 0)
    if not len(rows):
        raise DataError(f"{where} has no images of the classes {shown(names)}")
    return Chosen(rows=rows, labels=new[rows], classes=names)


def order_note(classes: tuple[str, ...]) -> str | None:
    """Say that classes named by numbers stand in the order of texts, where it is another one."""
    if not all(name.isascii() and name.isdecimal() for name in classes):
        return None
    if list(classes) != sorted(classes) or list(classes) == sorted(classes, key=int):
        return None
    return (
        f"the class folders are numbers, sorted as text ({shown(classes)}), as torchvision's "
        "ImageFolder does; for another order name them in it (--classes, in a recipe data.classes)"
    )


def shown(names: Sequence[Any]) -> str:
    """Return the first names, and how many there are in all where that is more."""
    first = ", ".join(on_one_line(str(name)) for name in names[:_SHOWN])
    return f"{first}, ... ({len(names):,} in all)" if len(names) > _SHOWN else first


def _chosen_names(stored: Classes, choice: ClassChoice | None, where: str) -> tuple[str, ...]:
    if choice is None:
        return stored.names
    there = len(stored.names)
    if isinstance(choice, int):
        if stored.numbered:
            return tuple(map(str, range(choice)))
        if choice > there:
            raise ConfigError(
                f"{where} has {counted(there, 'class', 'classes')}, so there are no first "
                f"{choice}: for classes without "
                "images give a file of all names in the order of the network's outputs"
            )
        return stored.names[:choice]
    absent = [name for name in choice if name not in stored.names]
    left = [name for name in stored.names if name not in choice]
    if absent and left:
        raise ConfigError(
            f"{where} has no class {shown(absent[:1])}{nearest(absent[0], left)}; the classes that "
            f"are not chosen are {shown(left)}"
        )
    if len(absent) == len(choice):
        raise ConfigError(f"{where} has none of the classes {shown(choice)}")
    repeated = [name for name, times in Counter(stored.names).items() if times > 1]
    if repeated:
        raise ConfigError(
            f"{where} has two classes of the name {shown(repeated[:1])}, so that names do not "
            "choose; give the number of the first ones"
        )
    return choice


def _from_text(text: str) -> Any:
    stated = text.strip()
    if stated.isascii() and stated.isdecimal():
        return int(stated) if len(stated) < 10 else _MOST + 1
    path = Path(stated).expanduser()
    if "\0" not in stated and path.is_file():
        return _from_file(path)
    if "/" in stated or path.suffix == ".txt":
        raise ValueError(f"there is no file {stated}: give {_FORMS}")
    return [name.strip() for name in stated.split(",")]


def _from_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file of classes {path} cannot be read: {error}") from None
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise ValueError(f"the file of classes {path} is empty: write one name on each line")
    return names


def _check_distinct(names: tuple[str, ...]) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"the class {shown(repeated[:1])} is named more than once")
