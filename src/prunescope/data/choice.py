"""Which classes does a user choose, and how is the choice written?"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from prunescope.base.text import on_one_line, written

ClassChoice: TypeAlias = int | tuple[str, ...]
"""How many classes, from the first on, or names in the order of the network's outputs."""

_MOST = 1_000_000
_SHOWN = 5
_FORMS = "a number N for the first N, names with commas between them, or a file of names"


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
    Field(
        examples=[10, "cat,dog", "classes.txt"],
        description="Which classes are used, in the order of the network's outputs: the first N, "
        "names, or a file with one name a line, read once; by default all. Images of other classes "
        "are left out.",
    ),
]
"""A choice of classes as a recipe states it."""


def shown(names: Sequence[Any]) -> str:
    """Return the first names, and how many there are in all where that is more."""
    first = ", ".join(on_one_line(str(name)) for name in names[:_SHOWN])
    return f"{first}, ... ({len(names):,} in all)" if len(names) > _SHOWN else first


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
