"""Which labels are the categories of a COCO file?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.text import written
from prunescope.concepts.protocol import Label

BY = ("kind", "supercategory")
"""What a label's category can be: object or stuff, or what the file calls its supercategory."""

THING, STUFF = "object", "stuff"


@dataclass(frozen=True, kw_only=True)
class Categories:
    """The labels of a file, numbered from 1 by ascending id, and the id of each."""

    labels: tuple[Label, ...]
    ids: tuple[int, ...]

    @cached_property
    def numbers(self) -> Mapping[int, int]:
        """The label number of each id."""
        return {id_: label.number for id_, label in zip(self.ids, self.labels, strict=True)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The categories of the labels, in the order of their first ones."""
        return tuple(dict.fromkeys(label.category for label in self.labels))


def read_categories(path: Path, listed: Sequence[Any], *, by: str) -> Categories:
    """Return the labels of the categories that a file lists.

    by: "kind" calls those with `isthing: 0` stuff and all others object; "supercategory" takes the
        file's word, and calls those without one object.
    Raises DataError where an id or a name is missing, or stands there twice.
    """
    found: dict[int, tuple[str, str]] = {}
    owners: dict[str, int] = {}
    for category in listed:
        number, name = category.get("id"), category.get("name")
        where = f"{path}: category {written(number)}"
        if type(number) is not int:
            raise DataError(f"{where} is no whole number: give it an id that is one")
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{where} has no name")
        if number in found:
            raise DataError(f"{where} stands there twice: give each an id of its own")
        name = name.strip()
        if name in owners:
            raise DataError(f"{where} is called {written(name)}, as category {owners[name]} is")
        owners[name] = number
        above = category.get("supercategory")
        kind = STUFF if category.get("isthing") in (0, False) else THING
        if by == "supercategory":
            kind = above.strip() if isinstance(above, str) and above.strip() else THING
        found[number] = (name, kind)
    if not found:
        raise DataError(f"{path} has no categories: it needs one for each concept")
    ids = tuple(sorted(found))
    labels = tuple(
        Label(number=place, name=found[id_][0], category=found[id_][1])
        for place, id_ in enumerate(ids, start=1)
    )
    return Categories(labels=labels, ids=ids)
