"""Which pixels of an image carry which labels?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int16, Int32, Int64
from torch import Tensor, from_numpy
from torch.nn import functional

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Annotation, Label


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The labels that one image carries, and where.

    label_indices: index of each label among the set's labels, ascending. A label's code is its
        position among these, from 1; code 0 is no label.
    codes: the label of every pixel in every plane. whole: codes of the labels that fill the map.
        A code that a pixel has in two planes, or in one and over the whole map, counts twice.
    truth: pixels of each label; one that carries it twice counts twice.
    multiplicity: how often a pixel can carry a label.
    shape: height and width of the label map.
    """

    label_indices: Int64[np.ndarray, " label"]
    codes: Int16[np.ndarray, "plane pixel"]
    whole: tuple[int, ...]
    truth: Int64[np.ndarray, " label"]
    multiplicity: int
    shape: tuple[int, int]

    @property
    def pixels(self) -> int:
        """Pixels of the label map."""
        return self.shape[0] * self.shape[1]


class RegionReader:
    """Turns annotations of one concept set into regions.

    A pixel carries a label at most once, however many planes repeat it, and `truth` counts it once.
    With `once=False` every plane counts; with `truth_once=False` in `truth` alone.
    """

    def __init__(
        self, labels: Sequence[Label], *, once: bool = True, truth_once: bool = True
    ) -> None:
        """Take the set's labels, by ascending number."""
        numbers = np.array([label.number for label in labels], np.int64)
        self._numbers = frozenset(numbers.tolist())
        # 0 stays 0, labels count from 1, and the number after them marks labels not in the set.
        self._code_of = np.full(numbers.max(initial=0) + 1, len(labels) + 1, np.int32)
        self._code_of[0] = 0
        self._code_of[numbers] = np.arange(1, len(labels) + 1)
        self._once = once
        self._truth_once = once and truth_once

    def multiplicity(self, planes: int, whole: int) -> int:
        """Return how often a pixel can carry a label, by the number of planes and whole labels."""
        return 1 if self._once else planes + whole

    def read(self, annotation: Annotation, where: str) -> Regions:
        """Return the regions of an annotation. Raises DataError for a label not in the set.

        where: the annotated image, for the message.
        """
        planes, fills = self._codes(annotation, where)
        size = len(self._numbers) + 1
        lists = [np.bincount(plane, minlength=size) for plane in planes]
        lists += [planes.shape[1] * np.bincount([code], minlength=size) for code in fills]
        pixels = np.array(lists, np.int64).reshape(-1, size)[:, 1:]
        label_indices = np.flatnonzero(pixels.any(axis=0))
        code_of = np.zeros(size, np.int16)
        code_of[label_indices + 1] = np.arange(1, len(label_indices) + 1)
        codes, truth = code_of.take(planes), pixels.sum(axis=0)[label_indices]
        whole = sorted(code for code in code_of[fills].tolist() if code)
        if self._once and (np.count_nonzero(pixels, axis=0) > 1).any():
            codes, whole = _each_once(codes, whole)
            truth = _truth(codes, whole, len(label_indices)) if self._truth_once else truth
        return Regions(
            label_indices=label_indices,
            codes=codes,
            whole=tuple(whole),
            truth=truth,
            multiplicity=self.multiplicity(len(codes), len(whole)),
            shape=annotation.shape,
        )

    def _codes(
        self, annotation: Annotation, where: str
    ) -> tuple[Int32[np.ndarray, "plane pixel"], Int32[np.ndarray, " whole"]]:
        """Return the position of each number among the labels, from 1. Raises as `read`."""
        height, width = annotation.shape
        planes = annotation.planes.reshape(len(annotation.planes), height * width)
        whole = np.array(annotation.whole, np.int64)
        lowest = min(part.min(initial=0) for part in (planes, whole))
        highest = max(part.max(initial=0) for part in (planes, whole))
        if lowest == 0 and highest < len(self._code_of):
            codes = self._code_of.take(planes), self._code_of.take(whole)
            if max(part.max(initial=0) for part in codes) <= len(self._numbers):
                return codes
        unlisted = min(set(annotation.numbers()) - self._numbers)
        raise DataError(f"{where} carries label {unlisted}, which the set does not list")


def label_sums(
    regions: Sequence[Regions], dtype: torch.dtype, device: torch.device
) -> Float[Tensor, "image pixel label"]:
    """Return, for each pixel, how many pixels above it in its column carry each label of its image.

    All label maps have one size. Pixels run row by row, with one row more than in the map: the sums
    over whole columns. Label n stands for the code n + 1 of each image; surplus labels are 0.
    dtype: a floating-point type that can represent the sums.
    """
    carried = _carried(regions, dtype, device, blank_rows=1)
    carried.view(len(regions), regions[0].shape[0] + 1, -1).cumsum_(dim=1)
    return carried


def label_masks(
    regions: Sequence[Regions], device: torch.device
) -> Float[Tensor, "image pixel label"]:
    """Return 1 where a pixel carries a label of its image, and 0 elsewhere, in float32.

    All label maps have one size. Label n stands for the code n + 1 of each image; surplus labels
    are 0.
    """
    carried = _carried(regions, torch.float32, device)
    once = all(image.multiplicity == 1 for image in regions)
    return carried if once else carried.clamp_(max=1)


def _carried(
    regions: Sequence[Regions], dtype: torch.dtype, device: torch.device, *, blank_rows: int = 0
) -> Float[Tensor, "image pixel label"]:
    """Return how often each pixel carries each label, below so many rows without any."""
    rows, columns = regions[0].shape
    first = blank_rows * columns
    # An odd number of labels: rows a power of two apart would share the same sets of a cache.
    labels = max(len(image.label_indices) for image in regions) | 1
    planes = max(1, *(len(image.codes) for image in regions))
    codes = np.zeros((len(regions), first + rows * columns, planes), np.int32)
    for index, image in enumerate(regions):
        codes[index, first:, : len(image.codes)] = image.codes.T
    one_hot = torch.eye(labels + 1, dtype=dtype, device=device)[:, 1:].contiguous()
    with torch.autocast(device.type, enabled=False):
        bags = from_numpy(codes.reshape(-1, planes)).to(device)
        carried = functional.embedding_bag(bags, one_hot, mode="sum").view(len(regions), -1, labels)
    for index, image in enumerate(regions):
        for code in image.whole:
            carried[index, first:, code - 1] += 1
    return carried


def _truth(
    codes: Int16[np.ndarray, "plane pixel"], whole: Sequence[int], labels: int
) -> Int64[np.ndarray, " label"]:
    counts = np.bincount(codes.reshape(-1), minlength=labels + 1)
    for code in whole:
        counts[code] += codes.shape[1]
    truth: Int64[np.ndarray, " label"] = counts[1:]
    return truth


def _each_once(
    codes: Int16[np.ndarray, "plane pixel"], whole: Sequence[int]
) -> tuple[Int16[np.ndarray, "plane pixel"], list[int]]:
    """Remove every code that its pixel already has, in an earlier plane or the whole map."""
    kept = codes.copy()
    for index, plane in enumerate(kept):
        for earlier in codes[:index]:
            plane[plane == earlier] = 0
        for code in set(whole):
            plane[plane == code] = 0
    return kept, sorted(set(whole))
