"""How do several concept sets become one, with one list of labels?"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import Image

from prunescope.base.text import counted
from prunescope.concepts.examination import Counts, Findings
from prunescope.concepts.label_makers import Records, makers_of
from prunescope.concepts.protocol import Annotation, Divisible, Label, splits_of

_SHOWN = 20


class Joined:
    """The images of several sets, one set after the other.

    Labels of one name and category are one label. A name that is of several categories gets them in
    parentheses. Labels are numbered from 1 in the order of the sets.
    """

    def __init__(
        self, name: str, sets: Sequence[Divisible], places: Sequence[tuple[int, int]] | None = None
    ) -> None:
        """Join sets. places: the set and the index of each image; None takes all of all sets."""
        self.name, self.sets = name, tuple(sets)
        if places is None:
            counts = enumerate(len(concepts.images) for concepts in sets)
            places = [(number, index) for number, count in counts for index in range(count)]
        self._places = tuple(places)
        heads = [concepts.name.partition(":")[0] for concepts in sets]
        total, seen = Counter(heads), Counter[str]()
        self._heads = []
        for head in heads:
            seen[head] += 1
            self._heads.append(f"{head}-{seen[head]}" if total[head] > 1 else head)
        self.images = tuple(f"{self._heads[n]}/{sets[n].images[i]}" for n, i in self._places)
        self.categories = tuple(dict.fromkeys(c for concepts in sets for c in concepts.categories))
        owned = {(label.name, label.category) for concepts in sets for label in concepts.labels}
        of_name = Counter(name for name, _ in owned)
        self._numbers: dict[tuple[str, str], int] = {}
        for concepts in sets:
            for label in concepts.labels:
                key = label.name, label.category
                self._numbers.setdefault(key, len(self._numbers) + 1)
        self.labels = tuple(
            Label(
                number=number,
                name=f"{called} ({category})" if of_name[called] > 1 else called,
                category=category,
            )
            for (called, category), number in self._numbers.items()
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the sets."""
        splits = [splits_of(concepts) for concepts in self.sets]
        return tuple(splits[number][index] for number, index in self._places)

    @property
    def labelled_by(self) -> Records:
        """The networks that made labels, each with the set `of` which they are."""
        return tuple(
            {**record, "of": head}
            for head, concepts in zip(self._heads, self.sets, strict=True)
            for record in makers_of(concepts)
        )

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        number, inner = self._places[index]
        return self.sets[number].image_path(inner)

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB."""
        number, inner = self._places[index]
        return self.sets[number].read_image(inner)

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, by the numbers of the joined list."""
        number, inner = self._places[index]
        stored, table = self.sets[number].read_annotation(inner), self._tables[number]
        planes: Int32[np.ndarray, "plane height width"] = table[stored.planes]
        return Annotation(planes=planes, whole=tuple(int(table[n]) for n in stored.whole))

    def part(self, indices: Sequence[int]) -> "Joined":
        """Return the set of these images alone; its list of labels stays."""
        return Joined(self.name, self.sets, [self._places[index] for index in indices])

    def examine(self, _counts: Counts) -> Findings:
        """Say which labels are of several sets, and how many are of one alone."""
        held: dict[tuple[str, str], list[str]] = {key: [] for key in self._numbers}
        for head, concepts in zip(self._heads, self.sets, strict=True):
            for label in concepts.labels:
                held[label.name, label.category].append(head)
        names = {label.number: label.name for label in self.labels}
        shared = [
            f"{names[self._numbers[key]]} ({', '.join(heads)})"
            for key, heads in held.items()
            if len(heads) > 1
        ]
        more = f" and {len(shared) - _SHOWN:,} more" if len(shared) > _SHOWN else ""
        notes = [f"labels of several sets: {', '.join(shared[:_SHOWN]) or 'none'}{more}"]
        for head, concepts in zip(self._heads, self.sets, strict=True):
            alone = sum(heads == [head] for heads in held.values())
            images = counted(len(concepts.images), "image")
            notes.append(
                f"{head} is {concepts.name}: {images}, {counted(alone, 'label')} of its own"
            )
        return Findings(notes=tuple(notes))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the sets' fingerprints, of the labels and of the images."""
        return self._fingerprint([concepts.fingerprint for concepts in self._parts])

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where files are missing or cannot be read, which changes it."""
        return self._fingerprint([concepts.tolerant_fingerprint for concepts in self._parts])

    @property
    def _parts(self) -> list[Divisible]:
        """Return of each set the images that are in this one."""
        parts = []
        for number, concepts in enumerate(self.sets):
            indices = [index for owner, index in self._places if owner == number]
            is_whole = indices == list(range(len(concepts.images)))
            parts.append(concepts if is_whole else concepts.part(indices))
        return parts

    @cached_property
    def _tables(self) -> list[Int32[np.ndarray, " number"]]:
        tables = []
        for concepts in self.sets:
            highest = max((label.number for label in concepts.labels), default=0)
            table = np.zeros(highest + 1, np.int32)
            for label in concepts.labels:
                table[label.number] = self._numbers[label.name, label.category]
            tables.append(table)
        return tables

    def _fingerprint(self, of_sets: list[str]) -> str:
        labels = [[label.number, label.name, label.category] for label in self.labels]
        stated = [of_sets, labels, self.categories, [owner for owner, _ in self._places]]
        return hashlib.sha256(json.dumps(stated).encode()).hexdigest()
