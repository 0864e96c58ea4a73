"""Which labels does an image get from others, in many draws at a time?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64, Shaped
from torch import Tensor, from_numpy

from prunescope.dissection.label_maps import CategoryLabels, LabelMaps
from prunescope.dissection.shuffle import kinds_of

SHARED = 3  # counts that share a float32, which holds 24 bits
BITS = 8
MOST = (1 << BITS) - 1


@dataclass(frozen=True, kw_only=True)
class Lent:
    """The labels of one category that an image gets in every draw.

    columns: place of each among the set's labels, by its code in the image it comes from; the
        number of the set's labels where there is none. whole: the same of those that fill the map.
    table: how often a pixel that any mask covers carries each code, three of them in one number,
        draw after draw.
    most: bags of so many pixels can be summed without the three running into each other.
    """

    columns: Int64[Tensor, "draw code"]
    whole: Int64[Tensor, "draw place"]
    table: Float32[Tensor, "pixel column"]
    most: int


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The labels of one category of images with label maps of one size, laid out for lending.

    columns, whole: as in `Lent`, image by image. codes: as in `CategoryLabels`.
    """

    columns: Int64[np.ndarray, "image code"]
    whole: Int64[np.ndarray, "image place"]
    codes: Shaped[np.ndarray, "plane image pixel"]

    @classmethod
    def of(cls, labels: Sequence[CategoryLabels], nothing: int) -> "Stack":
        """Stack the labels of some images. nothing: the column for where there is no label."""
        wide = -(-max(len(one.columns) for one in labels) // SHARED) * SHARED
        planes = max(len(one.codes) for one in labels)
        columns = np.full((len(labels), wide), nothing, np.int64)
        whole = np.full((len(labels), max(len(one.whole) for one in labels)), nothing, np.int64)
        kind = np.result_type(*(one.codes for one in labels))
        codes = np.zeros((planes, len(labels), labels[0].codes.shape[1]), kind)
        for row, one in enumerate(labels):
            columns[row, : len(one.columns)] = one.columns
            whole[row, : len(one.whole)] = [one.columns[code - 1] for code in one.whole]
            codes[: len(one.codes), row] = one.codes
        return cls(columns=columns, whole=whole, codes=codes)

    @property
    def bytes(self) -> int:
        """How much memory they take."""
        return self.columns.nbytes + self.whole.nbytes + self.codes.nbytes

    def lend(
        self,
        rows: Int64[np.ndarray, " draw"],
        pixels: Int64[np.ndarray, " pixel"],
        device: torch.device,
    ) -> Lent:
        """Lay out what every draw lends to an image.

        rows: of the image that lends in each draw. pixels: those that are looked at.
        """
        codes = [_carried(plane, rows, pixels) for plane in self.codes]
        codes = [plane for plane in codes if plane.any()]
        return Lent(
            columns=from_numpy(self.columns[rows]).to(device),
            whole=from_numpy(self.whole[rows]).to(device),
            table=_table(codes, self.columns.shape[1] // SHARED, device),
            most=MOST // max(1, len(codes)),
        )


class Stacks:
    """The labels of all images, laid out for lending: as far as the memory goes, else each time."""

    def __init__(self, maps: LabelMaps, categories: Sequence[int]) -> None:
        """Lay out what there is room for. categories: places of those that are lent."""
        self._maps = maps
        self._nothing = len(maps.concepts.labels)
        self._stacks: dict[tuple[int, int], Stack] = {}
        self._rows = np.zeros(maps.carried.shape, np.int64)
        self._kinds = kinds_of(maps.shapes)
        room = maps.room
        for category in categories:
            for kind in np.unique(self._kinds[maps.carried[:, category]]).tolist():
                images = np.flatnonzero(maps.carried[:, category] & (self._kinds == kind))
                labels = self._read(images, category, room)
                if labels is not None:
                    stack = Stack.of(labels, self._nothing)
                    self._stacks[category, kind] = stack
                    self._rows[images, category] = np.arange(len(images))
                    room -= stack.bytes

    def of(
        self, sources: Int32[np.ndarray, " draw"], category: int
    ) -> tuple[Stack, Int64[np.ndarray, " draw"]]:
        """Return a stack with the labels that some images lend, and the row of each."""
        stack = self._stacks.get((category, int(self._kinds[sources[0]])))
        if stack is not None:
            return stack, self._rows[sources, category]
        labels = [self._maps.of(source, category) for source in sources.tolist()]
        return Stack.of(labels, self._nothing), np.arange(len(sources))

    def _read(
        self, images: Int64[np.ndarray, " image"], category: int, room: int
    ) -> list[CategoryLabels] | None:
        """Return the labels of some images; None where they would not fit."""
        labels = []
        planes = 0
        for image in images.tolist():
            labels.append(self._maps.of(image, category))
            planes = max(planes, len(labels[-1].codes))
            if planes * labels[-1].codes.itemsize * labels[-1].codes.shape[1] * len(images) > room:
                return None
        return labels


def _carried(
    plane: Shaped[np.ndarray, "image pixel"],
    rows: Int64[np.ndarray, " draw"],
    pixels: Int64[np.ndarray, " some"],
) -> Shaped[np.ndarray, "draw some"]:
    """Return what some pixels of some images carry; row by row is several times as fast."""
    if len(pixels) == plane.shape[1]:
        whole: Shaped[np.ndarray, "draw some"] = plane[rows]
        return whole
    return np.stack([plane[row].take(pixels) for row in rows.tolist()])


def _table(
    codes: Sequence[Shaped[np.ndarray, "draw pixel"]], groups: int, device: torch.device
) -> Float32[Tensor, "pixel column"]:
    """Return the sum over the planes of what stands for each code: 1, 256 or 65536 in its group.

    On a CPU NumPy's look-up takes a sixth of the time of torch's.
    """
    labels = np.arange(groups * SHARED)
    values = np.zeros((len(labels) + 1, groups), np.float32)
    values[labels + 1, labels // SHARED] = 2.0 ** (BITS * (labels % SHARED))
    if not codes:
        return torch.zeros(0, 0, device=device)
    draws, pixels = codes[0].shape
    rows = (np.ascontiguousarray(plane.T).reshape(-1).astype(np.int32) for plane in codes)
    on_device = from_numpy(values).to(device)

    def look_up(row: Int32[np.ndarray, " place"]) -> Tensor:
        if device.type == "cpu":
            return from_numpy(values.take(row, axis=0))
        return on_device.index_select(0, from_numpy(row).to(device))

    tables = map(look_up, rows)
    table = next(tables)
    for more in tables:
        table += more
    return table.view(pixels, draws * groups)
