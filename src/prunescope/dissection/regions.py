"""Which pixels of an image carry which labels?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int16, Int64
from torch import Tensor, from_numpy

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Annotation, Label

_EXACT_IN_FLOAT32 = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The labels that one image really carries, and where.

    columns: place of each label among the set's labels, ascending. A label's code is its place
        among these, from 1; code 0 is no label.
    codes: the label of every pixel in every plane. whole: codes of the labels that fill the map.
        A code that a pixel has in two planes, or in one and over the whole map, counts twice.
    truth: pixels of each label, of those it has twice, two.
    shape: height and width of the label map
    """

    columns: Int64[np.ndarray, " label"]
    codes: Int16[np.ndarray, "plane pixel"]
    whole: tuple[int, ...]
    truth: Int64[np.ndarray, " label"]
    shape: tuple[int, int]

    @property
    def pixels(self) -> int:
        """Pixels of the label map."""
        return self.shape[0] * self.shape[1]


class RegionReader:
    """Turns annotations of one concept set into regions.

    In them a pixel carries a label once, however many planes say so, and `truth` counts it once.
    `once=False` counts each plane instead, `truth_once=False` in `truth` alone.
    """

    def __init__(
        self, labels: Sequence[Label], *, once: bool = True, truth_once: bool = True
    ) -> None:
        """Take the set's labels, by ascending number."""
        numbers = np.array([label.number for label in labels], np.int64)
        self._numbers = numbers
        self._row_of = np.full(int(numbers.max(initial=0)) + 1, -1, np.int64)
        self._row_of[numbers] = np.arange(len(numbers))
        self._once = once
        self._truth_once = once and truth_once

    def read(self, annotation: Annotation, where: str) -> Regions:
        """Return where an annotation's labels are. Raises DataError for a label not in the set.

        where: the annotated image, for the message.
        """
        height, width = annotation.shape
        numbers = np.array(annotation.numbers(), np.int64)
        strangers = np.setdiff1d(numbers, self._numbers)
        if strangers.size:
            raise DataError(f"{where} carries label {strangers[0]}, which the set does not list")
        code_of = np.zeros(len(self._row_of), np.int16)
        code_of[numbers] = np.arange(1, len(numbers) + 1)
        codes = code_of[annotation.planes.reshape(len(annotation.planes), height * width)]
        whole = [int(code) for code in code_of[list(annotation.whole)]]
        every = _truth(codes, whole, len(numbers))
        if self._once:
            codes, whole = _each_once(codes, whole)
        return Regions(
            columns=self._row_of[numbers],
            codes=codes,
            whole=tuple(whole),
            truth=_truth(codes, whole, len(numbers)) if self._truth_once else every,
            shape=(height, width),
        )


def label_table(regions: Sequence[Regions], device: torch.device) -> Float[Tensor, "pixel label"]:
    """Return how often each pixel of some images carries each label, image after image.

    Column n stands for the code n + 1 of each image: their labels differ.
    A float32 can count the pixels of a map exactly up to 2^24, so larger maps get float64.
    """
    wide = max(len(one.columns) for one in regions)
    large = max(one.pixels for one in regions) >= _EXACT_IN_FLOAT32
    number = torch.float64 if large else torch.float32
    table = torch.zeros(sum(one.pixels for one in regions), wide + 1, dtype=number, device=device)
    start = 0
    for one in regions:
        part = table[start : start + one.pixels]
        for plane in one.codes:
            codes = from_numpy(plane).to(device).long()[:, None]
            part.scatter_add_(1, codes, torch.ones_like(codes, dtype=number))
        for code in one.whole:
            part[:, code] += 1
        start += one.pixels
    return table[:, 1:]


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
    """Take away every code that its pixel has already, in an earlier plane or over the map."""
    kept = codes.copy()
    for place, plane in enumerate(kept):
        for earlier in codes[:place]:
            plane[plane == earlier] = 0
        for code in set(whole):
            plane[plane == code] = 0
    return kept, sorted(set(whole))
