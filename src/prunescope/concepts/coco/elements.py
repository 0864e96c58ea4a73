"""Where in a large JSON file are the elements of its lists, and what are they?

The file is read piece by piece, so that a gigabyte of polygons is never in memory at once.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file

_PIECE = 1 << 22  # bytes
_SPACE = " \t\n\r"
_BEFORE_THE_CUT = 16  # characters within which a number, a word or an escape may be cut through
_EARLY = "ends too early: a part of the file is missing"
_DECODER = json.JSONDecoder()


class Element(NamedTuple):
    """A member of the file's object, or an element of one of its lists.

    value: as JSON says; letters beyond ASCII are not decoded in it, see `decoded`
    offset: bytes of the file before it. text: the bytes themselves, as Latin-1.
    """

    key: str
    value: Any
    offset: int
    text: str

    def decoded(self) -> Any:
        """Return the value with all its letters. Raises UnicodeDecodeError."""
        return json.loads(self.text.encode("latin-1").decode())


def elements(path: Path, lists: frozenset[str]) -> Iterator[Element]:
    """Yield every element of the lists of a JSON file's object, in the order of the file.

    lists: keys of members that must be lists; other members are passed over.
    Raises DataError where the file cannot be read, is no JSON object, has one of these members
    twice, or has one that is no list.
    """
    require_file(path)
    try:
        yield from _Reader(path).elements(lists)
    except RecursionError:
        raise DataError(f"{path} is nested too deeply to be read") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


class _Reader:
    """A text that is read as far as it is needed; `at` is the next character to look at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text, self.at = "", 0
        self.before = 0  # bytes of the file before the text
        self.ended = False

    def elements(self, lists: frozenset[str]) -> Iterator[Element]:
        with self.path.open("rb") as self.file:
            self.read_on()
            if self.text.startswith("\xef\xbb\xbf"):
                self.at = 3
            if self.next() != "{":
                raise self.fault("is no JSON object: a COCO file begins with {")
            seen: set[str] = set()
            while self.follows("}", first=not seen):
                key = self.value()[0]
                if not isinstance(key, str) or self.next() != ":":
                    raise self.fault("is no JSON: a member has no name")
                if key in seen and key in lists:
                    raise DataError(f'{self.path} has "{key}" twice: keep one')
                seen.add(key)
                if key in lists:
                    yield from self.members(key)
                else:
                    self.value()
            if self.next(needed=False):
                raise self.fault("goes on after its end")

    def members(self, key: str) -> Iterator[Element]:
        if self.next() != "[":
            raise DataError(f'{self.path}: "{key}" must be a list')
        first = True
        while self.follows("]", first=first):
            value, start = self.value()
            yield Element(key, value, self.before + start, self.text[start : self.at])
            first = False

    def follows(self, end: str, *, first: bool) -> bool:
        """Return whether another element comes, and go to it; else go behind the end."""
        character = self.next()
        if character == end:
            return False
        if first:
            self.at -= 1
        elif character != ",":
            raise self.fault(f"is no JSON: it needs a comma or {end}")
        return True

    def next(self, *, needed: bool = True) -> str:
        """Go behind the next character that is no space, and return it; "" at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text):
                self.at += 1
                return self.text[self.at - 1]
            if self.ended:
                if needed:
                    raise self.fault(_EARLY)
                return ""
            self.read_on()

    def value(self) -> tuple[Any, int]:
        """Go behind the next value; return it, and where in the text it starts."""
        self.next()
        self.at -= 1
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except ValueError as error:
                if self.ended or not self.is_cut(error):
                    raise self.wrong(error) from None
            else:
                is_whole = not isinstance(value, int | float)  # "0." is 0, if it is cut there
                if is_whole or end < len(self.text) - _BEFORE_THE_CUT or self.ended:
                    start, self.at = self.at, end
                    return value, start
            self.read_on()

    def is_cut(self, error: ValueError) -> bool:
        """Return whether a value may be wrong only because the text ends within it."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        is_string = error.msg.startswith("Unterminated string")
        return is_string or error.pos >= len(self.text) - _BEFORE_THE_CUT

    def wrong(self, error: ValueError) -> DataError:
        """Return the fault of a value that is wrong, be it because the file ends within it."""
        if not isinstance(error, json.JSONDecodeError):
            return self.fault(f"is no JSON: {error}")  # an integer of thousands of digits
        self.at = error.pos
        if error.msg.startswith("Unterminated string") or error.pos >= len(self.text.rstrip()):
            return self.fault(_EARLY)
        return self.fault(f"is no JSON: {error.msg}")

    def read_on(self) -> None:
        """Read as much again as there is, and forget what was passed."""
        piece = self.file.read(max(_PIECE, len(self.text) - self.at))
        self.before += self.at
        self.text, self.at = self.text[self.at :] + piece.decode("latin-1"), 0
        self.ended = not piece

    def fault(self, what: str) -> DataError:
        return DataError(f"{self.path} {what} (at byte {self.before + self.at:,})")
