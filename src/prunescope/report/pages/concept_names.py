"""Which concepts does a page name, each by a number of its own?"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

NO_CONCEPT = -1


class ConceptNames:
    """The concepts of a page, numbered in the order in which they come up."""

    def __init__(self) -> None:
        """Begin without any."""
        self._codes: dict[tuple[str, str], int] = {}

    def codes(self, names: Iterable[Any], categories: Iterable[Any]) -> list[int]:
        """Return the number of each concept, and NO_CONCEPT where there is none."""
        return [
            NO_CONCEPT
            if pd.isna(name)
            else self._codes.setdefault((str(name), str(category)), len(self._codes))
            for name, category in zip(names, categories, strict=True)
        ]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Name and category of each, by number."""
        return list(self._codes)

    def as_data(self) -> dict[str, list[str]]:
        """Return names and categories, for the page."""
        return {
            "names": [name for name, _ in self._codes],
            "categories": [category for _, category in self._codes],
        }
