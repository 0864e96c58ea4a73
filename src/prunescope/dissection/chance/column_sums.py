"""How many pixels do masks share with the labels of other images, in many draws at a time?

A mask is stored as runs of pixels down the columns of a label map. The pixels a run shares with a
label are the difference of two cumulative sums of the label's pixels down that column, as with the
summed-area tables of Crow (1984). Several labels share a 64-bit integer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int32, Int64, Shaped
from torch import Tensor, from_numpy

from prunescope.dissection.chance.shuffle import kinds_of
from prunescope.dissection.kept_masks import Masks
from prunescope.dissection.label_maps import CategoryLabels, LabelMaps

_WORD = 64  # bits of an integer
_NEAR = 4 << 20  # bytes for intermediate sums


@dataclass(frozen=True, kw_only=True)
class Shared:
    """How many pixels masks share with some labels in some draws.

    draws, labels: the draw of each pair, by its index, and its label, by its index among the set's;
    no pair occurs twice. pixels: how many each mask shares with the pair.
    """

    draws: Int64[Tensor, " pair"]
    labels: Int64[Tensor, " pair"]
    pixels: Int64[Tensor, "pair mask"]


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How sums share an integer. bits: of a sum down one column; the sum of a mask takes twice."""

    bits: int

    @classmethod
    def of(cls, shape: tuple[int, int], planes: int) -> "Packing":
        """Return the tightest packing that holds the sums of label maps of one size.

        planes: how often a pixel may count.
        """
        height, width = shape
        tight = height * planes < 1 << 8 and height * width * planes < 1 << 16
        return cls(bits=8 if tight else 16)

    @property
    def labels(self) -> int:
        """How many labels share an integer."""
        return _WORD // self.bits

    @property
    def every_other(self) -> int:
        """The bits of every other label, from the first."""
        ones = (1 << self.bits) - 1
        return sum(ones << shift for shift in range(0, _WORD, 2 * self.bits))

    def of_labels(
        self, labels: CategoryLabels, shape: tuple[int, int]
    ) -> Int64[np.ndarray, "word pixel"]:
        """Return, for every pixel and one row below, the sums of the labels above it."""
        height, width = shape
        words = self.words(labels)
        values = np.zeros((words, len(labels.label_indices) + 1), np.int64)
        codes = np.arange(len(labels.label_indices))
        values[codes // self.labels, codes + 1] = 1 << (self.bits * (codes % self.labels))
        sums = np.zeros((words, height + 1, width), np.int64)
        for plane in labels.codes:
            sums[:, 1:] += values[:, plane].reshape(words, height, width)
        return sums.cumsum(axis=1).reshape(words, (height + 1) * width)

    def words(self, labels: CategoryLabels) -> int:
        """Return how many integers an image's labels take: none if they all fill the map."""
        return -(-len(labels.label_indices) // self.labels) if len(labels.codes) else 0

    def halves(self, sums: Shaped[Any, "*n"]) -> tuple[Shaped[Any, "*n"], Shaped[Any, "*n"]]:
        """Return the sums of every other label, from the first and second, with room to grow."""
        return sums & self.every_other, (sums >> self.bits) & self.every_other

    def unpacked(
        self,
        totals: Int64[Tensor, "2 draw mask"],
        draws: Int64[Tensor, " pair"],
        positions: Int64[Tensor, " pair"],
    ) -> Int64[Tensor, "pair mask"]:
        """Return what `totals` hold for some draws and labels, by their positions in an integer."""
        wide = 2 * self.bits
        shifts = wide * positions.div(2, rounding_mode="floor")
        return (totals[positions % 2, draws] >> shifts[:, None]) & ((1 << wide) - 1)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The sums of one category's labels, of images whose label maps have one size.

    label_indices: index of each label among the set's, by its code in its image; -1 for no label.
    whole: the same for labels that fill the map. sums: of all images. first: index of each image's
    first sum; its last is before the next image's first.
    """

    packing: Packing
    label_indices: Int64[np.ndarray, "image code"]
    whole: Int64[np.ndarray, "image filling"]
    sums: Int64[Tensor, "word pixel"]
    first: Int64[np.ndarray, " image+1"]

    @classmethod
    def of(
        cls, labels: Sequence[CategoryLabels], shape: tuple[int, int], device: torch.device
    ) -> "Stack":
        """Stack the labels of some images, the sums on a device."""
        packing = Packing.of(shape, max(len(image.codes) for image in labels))
        label_indices = np.full(
            (len(labels), max(len(image.label_indices) for image in labels)), -1, np.int64
        )
        whole = np.full((len(labels), max(len(image.whole) for image in labels)), -1, np.int64)
        for row, image in enumerate(labels):
            label_indices[row, : len(image.label_indices)] = image.label_indices
            whole[row, : len(image.whole)] = [image.label_indices[code - 1] for code in image.whole]
        words = [packing.words(image) for image in labels]
        first = np.concatenate([[0], np.cumsum(words)]).astype(np.int64)
        sums = np.empty((int(first[-1]), (shape[0] + 1) * shape[1]), np.int64)
        for row in np.flatnonzero(words).tolist():
            sums[first[row] : first[row + 1]] = packing.of_labels(labels[row], shape)
        return cls(
            packing=packing,
            label_indices=label_indices,
            whole=whole,
            sums=from_numpy(sums).to(device),
            first=first,
        )

    @property
    def bytes(self) -> int:
        """The memory they take."""
        return self.label_indices.nbytes + self.whole.nbytes + self.sums.nbytes + self.first.nbytes

    def shared(self, rows: Int64[np.ndarray, " draw"], masks: Masks) -> Iterator[Shared]:
        """Yield the pixels that the masks on an image share with the labels it gets in every draw.

        rows: row of the image that the labels come from in each draw.
        """
        device = masks.units.device
        draws, codes = np.nonzero(self.whole[rows] >= 0)
        if len(draws):
            yield Shared(
                draws=from_numpy(draws).to(device),
                labels=from_numpy(self.whole[rows[draws], codes]).to(device),
                pixels=masks.area.expand(len(draws), -1),
            )
        words = self.first[rows + 1] - self.first[rows]
        totals_of = _totals_by_numpy if device.type == "cpu" else _totals_by_torch
        for word in range(int(words.max())):
            draws = np.flatnonzero(words > word)
            totals = totals_of(self.sums, self.first[rows[draws]] + word, masks, self.packing)
            begin = word * self.packing.labels
            label_indices = self.label_indices[rows[draws], begin : begin + self.packing.labels]
            permuted, positions = np.nonzero(label_indices >= 0)
            yield Shared(
                draws=from_numpy(draws[permuted]).to(device),
                labels=from_numpy(label_indices[permuted, positions]).to(device),
                pixels=self.packing.unpacked(
                    totals, from_numpy(permuted).to(device), from_numpy(positions).to(device)
                ),
            )


def _totals_by_numpy(
    sums: Int64[Tensor, "word pixel"],
    rows: Int64[np.ndarray, " draw"],
    masks: Masks,
    packing: Packing,
) -> Int64[Tensor, "2 draw mask"]:
    """Return the pixels each mask shares with the labels in some rows of the sums, in halves.

    A few draws at a time keep intermediate sums small. Taking row by row avoids the large index
    arrays that torch would make first.
    """
    table = sums.numpy()
    pixels = torch.stack([masks.ends, masks.starts]).numpy()
    starts = np.append(0, masks.last.numpy()[:-1] + 1)
    totals = np.empty((2, len(rows), len(starts)), np.int64)
    step = min(len(rows), max(1, _NEAR // pixels.nbytes))
    at_ends = np.empty((step, *pixels.shape), np.int64)
    near = np.empty_like(table[0])
    many = 4 * pixels.size > near.size
    for begin in range(0, len(rows), step):
        portion = rows[begin : begin + step]
        for row, out in zip(portion.tolist(), at_ends, strict=False):
            if many:  # a sequential read first is faster than random reads from memory
                near[:] = table[row]
            (near if many else table[row]).take(pixels, out=out, mode="clip")  # fills it directly
        runs_share = at_ends[: len(portion), 0] - at_ends[: len(portion), 1]
        for half, out in zip(packing.halves(runs_share), totals, strict=True):
            np.add.reduceat(half, starts, axis=1, out=out[begin : begin + len(portion)])
    return from_numpy(totals)


def _totals_by_torch(
    sums: Int64[Tensor, "word pixel"],
    rows: Int64[np.ndarray, " draw"],
    masks: Masks,
    packing: Packing,
) -> Int64[Tensor, "2 draw mask"]:
    """Return the same, on any device."""
    at = from_numpy(rows).to(sums.device)[:, None]
    halves = packing.halves(sums[at, masks.ends] - sums[at, masks.starts])
    totals = torch.stack(halves).cumsum(dim=2)[:, :, masks.last]  # wraps, and diff wraps back
    return totals.diff(dim=2, prepend=totals.new_zeros(2, len(rows), 1))


class Stacks:
    """The sums of all images' labels, kept as far as memory allows and else computed again."""

    def __init__(
        self, label_maps: LabelMaps, categories: Sequence[int], device: torch.device
    ) -> None:
        """Keep what fits into `label_maps.room`. categories: indices of those to be permuted."""
        self._label_maps = label_maps
        self._device = device
        self._stacks: dict[tuple[int, int], Stack] = {}
        self._rows = np.zeros(label_maps.carried.shape, np.int64)
        self._kinds = kinds_of(label_maps.shapes)
        room = label_maps.room
        for category in categories:
            for kind in np.unique(self._kinds[label_maps.carried[:, category]]).tolist():
                indices = np.flatnonzero(label_maps.carried[:, category] & (self._kinds == kind))
                labels = self._read(indices, category, room)
                if labels is not None:
                    stack = Stack.of(labels, self._shape(int(indices[0])), device)
                    self._stacks[category, kind] = stack
                    self._rows[indices, category] = np.arange(len(indices))
                    room -= stack.bytes

    def of(
        self, sources: Int32[np.ndarray, " draw"], category: int
    ) -> tuple[Stack, Int64[np.ndarray, " draw"]]:
        """Return a stack with the labels of some images, and the row of each image."""
        stack = self._stacks.get((category, int(self._kinds[sources[0]])))
        if stack is not None:
            return stack, self._rows[sources, category]
        labels = [self._label_maps.of(source, category) for source in sources.tolist()]
        return Stack.of(labels, self._shape(int(sources[0])), self._device), np.arange(len(sources))

    def _shape(self, image: int) -> tuple[int, int]:
        height, width = self._label_maps.shapes[image].tolist()
        return height, width

    def _read(
        self, indices: Int64[np.ndarray, " image"], category: int, room: int
    ) -> list[CategoryLabels] | None:
        """Return the labels of some images; None where their sums would not fit."""
        height, width = self._shape(int(indices[0]))
        labels = []
        words = 0
        for image in indices.tolist():
            labels.append(self._label_maps.of(image, category))
            planes = max(len(kept.codes) for kept in labels)
            words += Packing.of((height, width), planes).words(labels[-1])
            if words * (height + 1) * width * (_WORD // 8) > room:
                return None
        return labels
