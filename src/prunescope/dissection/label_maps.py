"""How are the labels of all images stored compactly, category by category?"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Shaped
from torch import from_numpy

from prunescope.base.ranks import Ranks
from prunescope.concepts.broken import advising
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.regions import RegionReader, Regions

_OVERHEAD = 200  # bytes that Python takes to hold a record
_CODES_OF_A_BYTE = 255


@dataclass(frozen=True, kw_only=True)
class CategoryLabels:
    """The labels of one category that an image carries, and where.

    label_indices: index of each among the set's labels, ascending; code n is the nth, from 1.
    truth: pixels of each. codes, whole: as in `Regions`, in as few planes as possible.
    """

    label_indices: Int64[np.ndarray, " label"]
    truth: Int64[np.ndarray, " label"]
    codes: Shaped[np.ndarray, "plane pixel"]
    whole: tuple[int, ...]


class LabelMaps:
    """The labels of every image of a set, compressed; what does not fit in memory is read again.

    carried: whether an image carries a label of a category. shapes: of its label map. Both cover
    the images that were added, here or in another process.
    """

    def __init__(self, concepts: ConceptSet, reader: RegionReader, memory: int) -> None:
        """Begin empty. memory: bytes for the compressed labels."""
        self.concepts = concepts
        self.reader = reader
        self._memory = memory
        categories = [concepts.categories.index(label.category) for label in concepts.labels]
        self._category_of = np.array(categories, np.int64)
        self._held: dict[int, dict[int, bytes]] = {}
        self.bytes = 0
        self.carried: Bool[np.ndarray, "image category"] = np.zeros(
            (len(concepts.images), len(concepts.categories)), np.bool_
        )
        self.shapes: Int64[np.ndarray, "image 2"] = np.zeros((len(concepts.images), 2), np.int64)

    @property
    def room(self) -> int:
        """Bytes of the memory that are left."""
        return max(0, self._memory - self.bytes)

    def add(self, indices: Sequence[int], regions: Sequence[Regions]) -> None:
        """Add the labels of some images, by their indices; they are held if there is room."""
        for image, labelled in zip(indices, regions, strict=True):
            self.carried[image, self._category_of[labelled.label_indices]] = True
            self.shapes[image] = labelled.shape
            if self.bytes < self._memory:
                parts = split_by_category(labelled, self._category_of)
                self._hold(image, {category: _compressed(part) for category, part in parts})

    def exchange(self, ranks: Ranks) -> None:
        """Add the labels of the images of other processes."""
        self.carried = ranks.total(from_numpy(self.carried).int()).bool().numpy()
        self.shapes = ranks.total(from_numpy(self.shapes)).numpy()
        for held in ranks.gather(self._held):
            for image, records in held.items():
                if image not in self._held and self.bytes < self._memory:
                    self._hold(image, records)

    def of(self, image: int, category: int) -> CategoryLabels:
        """Return the labels of a category that an image carries.

        category: its index in the set.
        """
        if image in self._held:
            return _decompressed(self._held[image][category], int(self.shapes[image].prod()))
        return dict(split_by_category(self._read(image), self._category_of))[category]

    def parts(self, image: int) -> dict[int, CategoryLabels]:
        """Return the labels of an image by the index of their category."""
        if image in self._held:
            return {category: self.of(image, category) for category in self._held[image]}
        return dict(split_by_category(self._read(image), self._category_of))

    def regions(self, image: int) -> Regions:
        """Return all labels of an image; their planes may differ from those that were added."""
        if image not in self._held:
            return self._read(image)
        height, width = self.shapes[image].tolist()
        parts = [self.of(image, category) for category in self._held[image]]
        label_indices = np.concatenate(
            [np.zeros(0, np.int64), *(part.label_indices for part in parts)]
        )
        order = label_indices.argsort()
        code_of = np.zeros(len(label_indices) + 1, np.int16)
        code_of[order + 1] = np.arange(1, len(label_indices) + 1)
        codes, first = [np.zeros((0, height * width), np.int16)], 0
        whole: list[int] = []
        for part in parts:
            codes_of_part = code_of[[0, *range(first + 1, first + 1 + len(part.label_indices))]]
            codes.append(codes_of_part[part.codes])
            whole.extend(int(code) for code in codes_of_part[list(part.whole)])
            first += len(part.label_indices)
        truth = np.concatenate([np.zeros(0, np.int64), *(part.truth for part in parts)])
        return Regions(
            label_indices=label_indices[order],
            codes=np.concatenate(codes),
            whole=tuple(sorted(whole)),
            truth=truth[order],
            multiplicity=self.reader.multiplicity(sum(map(len, codes)), len(whole)),
            shape=(height, width),
        )

    def _read(self, image: int) -> Regions:
        with advising(self.concepts):
            annotation = self.concepts.read_annotation(image)
            return self.reader.read(annotation, self.concepts.images[image])

    def _hold(self, image: int, records: dict[int, bytes]) -> None:
        self._held[image] = records
        self.bytes += sum(len(record) + _OVERHEAD for record in records.values())


def split_by_category(
    regions: Regions, category_of: Int64[np.ndarray, " label"]
) -> Iterator[tuple[int, CategoryLabels]]:
    """Yield every category of which an image carries labels, with these labels.

    category_of: the category of every label of the set.
    """
    categories = category_of[regions.label_indices]
    for category in np.unique(categories).tolist():
        labels = np.flatnonzero(categories == category)
        dtype = np.uint8 if len(labels) <= _CODES_OF_A_BYTE else np.int16
        code_of = np.zeros(len(categories) + 1, dtype)
        code_of[labels + 1] = np.arange(1, len(labels) + 1)
        whole = code_of[list(regions.whole)]
        yield (
            category,
            CategoryLabels(
                label_indices=regions.label_indices[labels],
                truth=regions.truth[labels],
                codes=_fewest_planes(code_of[regions.codes]),
                whole=tuple(int(code) for code in whole if code),
            ),
        )


def _fewest_planes(codes: Shaped[np.ndarray, "plane pixel"]) -> Shaped[np.ndarray, "fewer pixel"]:
    """Move every pixel's codes into the first free planes, and drop empty planes."""
    kept: list[np.ndarray] = []
    for plane in codes:
        rest = plane.copy()
        for earlier in kept:
            free = earlier == 0
            earlier[free] = rest[free]
            rest[free] = 0
        if rest.any():
            kept.append(rest)
    return np.array(kept, codes.dtype).reshape(len(kept), codes.shape[1])


def _compressed(labels: CategoryLabels) -> bytes:
    sizes = [len(labels.label_indices), len(labels.whole), labels.codes.itemsize]
    head = np.concatenate([sizes, labels.label_indices, labels.truth, labels.whole]).astype(
        np.int64
    )
    return zlib.compress(head.tobytes() + labels.codes.tobytes(), level=1)


def _decompressed(record: bytes, pixels: int) -> CategoryLabels:
    content = zlib.decompress(record)
    labels, wholes, itemsize = np.frombuffer(content, np.int64, 3).tolist()
    head = np.frombuffer(content, np.int64, 3 + 2 * labels + wholes)
    dtype = np.uint8 if itemsize == 1 else np.int16
    return CategoryLabels(
        label_indices=head[3 : 3 + labels],
        truth=head[3 + labels : 3 + 2 * labels],
        codes=np.frombuffer(content, dtype, offset=head.nbytes).reshape(-1, pixels),
        whole=tuple(head[3 + 2 * labels :].tolist()),
    )
