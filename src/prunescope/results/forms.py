"""How is a JSON object read from a file, and which of its values is not of the kind it must be?"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.text import on_one_line

_GREATEST = 2**63 - 1
_SHOWN = 60


@dataclass(frozen=True)
class Kind:
    """A kind of value in JSON, or of column in a table: its name in messages, and a test for it.

    may_lack: it may be null or missing; may_be_absent: it may be missing, but not null.
    """

    title: str
    takes: Callable[[Any], bool]
    may_lack: bool = False
    may_be_absent: bool = False

    @property
    def or_none(self) -> "Kind":
        """The same kind, which may lack."""
        return replace(self, may_lack=True)

    @property
    def or_absent(self) -> "Kind":
        """The same kind, which may be missing, as in files of earlier versions."""
        return replace(self, may_be_absent=True)


@dataclass(frozen=True)
class Each:
    """An object with any keys, whose values have one form. may_lack: it may be missing."""

    of: "Form"
    may_lack: bool = False


@dataclass(frozen=True)
class Rows:
    """A list whose values have one form. may_lack: it may be missing."""

    of: "Form"
    may_lack: bool = False


@dataclass(frozen=True)
class Object:
    """An object of a form that must not be missing."""

    of: "Fields"


Fields: TypeAlias = Mapping[str, "Form"]
"""Forms by key. Other keys may hold anything."""
Form: TypeAlias = Kind | Each | Rows | Object | Fields
"""What a value must be. An object given by its fields alone may be missing."""


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _GREATEST
    )


COUNT = Kind("a count", lambda value: _is_number(value) and isinstance(value, int) and value >= 0)
NUMBER = Kind("a finite number", _is_number)
SHARE = Kind("a number in [0, 1]", lambda value: _is_number(value) and 0 <= value <= 1)
AMOUNT = Kind("a number of 0 or more", lambda value: _is_number(value) and value >= 0)
NUMBERS = Kind("a list of numbers", lambda v: isinstance(v, list) and all(map(_is_number, v)))
COUNTS = Kind("a list of counts", lambda v: isinstance(v, list) and all(map(COUNT.takes, v)))
TEXT = Kind("a text", lambda value: isinstance(value, str))
TEXTS = Kind("a list of texts", lambda v: isinstance(v, list) and all(map(TEXT.takes, v)))
TRUTH = Kind("true or false", lambda value: isinstance(value, bool))


def read_object(path: Path, form: Fields | Each) -> dict[str, Any]:
    """Read a JSON object of a form.

    Raises DataError, in one line, where the file is missing or damaged, or a value of another kind.
    """
    values = read_json(path)
    fault = fault_in(values, form if isinstance(form, Each) else Object(form))
    if fault is not None:
        raise DataError(f"{path} is damaged: {fault}")
    return values


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise DataError(f"{path} cannot be read: it is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {in_a_line(error)}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} holds no JSON object")
    return values


def in_a_line(error: BaseException) -> str:
    """Return what a library says of a damaged file, in one short line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "integer string conversion" in text:  # advice for programmers follows
        return "a number in it has too many digits"
    return on_one_line(" ".join(text.split())[:200])


def fault_in(value: Any, form: Form, name: str = "") -> str | None:
    """Return what is wrong with the first value that has another form; None where none has.

    name: of the value in its object; empty for the whole.
    """
    if not name and _fits(value, form):  # without a name for each of many thousand values
        return None
    match form:
        case Kind():
            sound = form.takes(value) or (value is None and form.may_lack)
            return None if sound else f"{name or 'it'} is {_shown(value)}, not {form.title}"
        case Rows():
            if value is None and form.may_lack:
                return None
            if not isinstance(value, list):
                return f"{name} is {_shown(value)}, not a list"
            inner = {f"{name}[{index}]": (part, form.of) for index, part in enumerate(value)}
        case _:
            if value is None and (isinstance(form, Mapping) or getattr(form, "may_lack", False)):
                return None
            if not isinstance(value, dict):
                return f"{name or 'it'} is {_shown(value)}, not an object"
            above = f"{name}." if name else ""
            if isinstance(form, Each):
                inner = {f"{above}{key}": (part, form.of) for key, part in value.items()}
            else:
                fields = form.of if isinstance(form, Object) else form
                inner = {
                    f"{above}{key}": (value.get(key), kind)
                    for key, kind in fields.items()
                    if key in value or not (isinstance(kind, Kind) and kind.may_be_absent)
                }
    faults = (fault_in(part, kind, key) for key, (part, kind) in inner.items())
    return next((fault for fault in faults if fault is not None), None)


def _fits(value: Any, form: Form) -> bool:
    if isinstance(form, Kind):
        return form.takes(value) or (value is None and form.may_lack)
    if isinstance(form, Rows):
        if isinstance(value, list):
            return all(_fits(part, form.of) for part in value)
        return value is None and form.may_lack
    if not isinstance(value, dict):
        may_lack = isinstance(form, Mapping) or getattr(form, "may_lack", False)
        return value is None and may_lack
    if isinstance(form, Each):
        return all(_fits(part, form.of) for part in value.values())
    fields = form.of if isinstance(form, Object) else form
    return all(
        _fits(value.get(key), kind)
        for key, kind in fields.items()
        if key in value or not (isinstance(kind, Kind) and kind.may_be_absent)
    )


def _shown(value: Any) -> str:
    return on_one_line(repr(value)[:_SHOWN])
