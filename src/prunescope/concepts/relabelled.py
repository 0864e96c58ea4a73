"""How do labels of a set get other names and categories?"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.text import written
from prunescope.concepts.examination import Counts, Examined, Findings
from prunescope.concepts.label_makers import Records, makers_of
from prunescope.concepts.protocol import Annotation, Divisible, Label, splits_of
from prunescope.concepts.tables import FIRST_ROW, read_columns


def read_renaming(path: Path, column: str, labels: Sequence[Label]) -> Mapping[str, str]:
    """Return what a table says of each name: its columns are `name` and another one.

    Raises DataError where it cannot be read, has a name twice, or one that no label has.
    """
    columns = read_columns(path, ["name", column])
    names = {label.name for label in labels}
    found: dict[str, str] = {}
    rows = zip(columns["name"], columns[column], strict=True)
    for row, (cell, value) in enumerate(rows, start=FIRST_ROW):
        name = cell.strip()
        if name in found:
            raise DataError(f"{path}, row {row}: {written(name)} has a row already")
        if name not in names:
            hint = nearest(name, names)
            raise DataError(f"{path}, row {row}: no label is called {written(name)}{hint}")
        found[name] = value.strip()
    return found


class Relabelled:
    """A concept set whose labels have other names or categories; all else is as in the source.

    Labels that get one name and category become one label, with the lower number; those that get
    no name are left out. An image without any other stays an image.
    """

    def __init__(
        self,
        source: Divisible,
        *,
        names: Mapping[str, str] | None = None,
        categories: Mapping[str, str] | None = None,
    ) -> None:
        """Take new names and categories by former names; a label that has none keeps its own.

        Raises ConfigError where no label is left, or two labels of one name would differ in
        category.
        """
        self.source, self.name, self.images = source, source.name, source.images
        self.image_path, self.read_image = source.image_path, source.read_image
        self._names, self._categories = names or {}, categories or {}
        kept: dict[str, Label] = {}
        self._number_of: dict[int, int] = {0: 0}
        for label in source.labels:
            name = self._names.get(label.name, label.name)
            category = self._categories.get(label.name, "") or label.category
            if not name:
                self._number_of[label.number] = 0
                continue
            owner = kept.setdefault(name, Label(number=label.number, name=name, category=category))
            if owner.category != category:
                raise ConfigError(
                    f"{self.name}: {written(name)} would be of the categories {owner.category} and "
                    f"{category}: give all that get this name one category"
                )
            self._number_of[label.number] = owner.number
        if not kept:
            raise ConfigError(f"{self.name}: names leaves out every label: keep one")
        self.labels = tuple(sorted(kept.values(), key=lambda label: label.number))
        held = [label.category for label in self.labels]
        ordered = dict.fromkeys([*source.categories, *held])
        self.categories = tuple(category for category in ordered if category in held)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the source."""
        return splits_of(self.source)

    @property
    def labelled_by(self) -> Records:
        """The networks that made the source's labels."""
        return makers_of(self.source)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the source's own fingerprint and of all labels."""
        return self._fingerprint(self.source.fingerprint)

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing."""
        return self._fingerprint(self.source.tolerant_fingerprint)

    def part(self, indices: Sequence[int]) -> "Relabelled":
        """Return the set of these images alone."""
        return Relabelled(self.source.part(indices), names=self._names, categories=self._categories)

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, by their new numbers."""
        stored = self.source.read_annotation(index)
        planes: Int32[np.ndarray, "plane height width"] = self._table[stored.planes]
        whole = (self._number_of[number] for number in stored.whole)
        return Annotation(planes=planes, whole=tuple(number for number in whole if number))

    def examine(self, counts: Counts) -> Findings:
        """Return the problems that the source knows of."""
        if not isinstance(self.source, Examined):
            return Findings()
        return Findings(problems=self.source.examine(counts).problems)

    @cached_property
    def _table(self) -> Int32[np.ndarray, " number"]:
        table = np.zeros(max(self._number_of) + 1, np.int32)
        for number, new in self._number_of.items():
            table[number] = new
        return table

    def _fingerprint(self, of_source: str) -> str:
        labels = [[label.number, label.name, label.category] for label in self.labels]
        stated = [of_source, labels, self.categories, sorted(self._number_of.items())]
        return hashlib.sha256(json.dumps(stated).encode()).hexdigest()
