"""Which concept does each unit have when images are resampled?"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, UInt16
from scipy.sparse import csr_array

from prunescope.base.devices import usable_cores
from prunescope.statistics.by_image import CountsByImage

NO_CONCEPT = -1
_AT_ONCE = 1000  # draws, whose A of every unit and category are held in memory
_BLOCK = 64  # draws, whose weights stay in a core's cache
_CELLS = 2**17  # pairs times draws that a core works on at once
_EXACT = 2**24  # up to which float32 holds every count
_ROUNDING = 1e-5  # more than that of float32

Weights = UInt16[np.ndarray, "image draw"]
Concepts = Int32[np.ndarray, "unit draw"]


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Some draws: how often each image is drawn, G of every label, A of every unit and category."""

    weights: UInt16[np.ndarray, "image draw"]
    truth: Float64[np.ndarray, "label draw"]
    activation: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """Units and labels whose IoU may be above `iou` in some draw, unit by unit.

    intersection: I in every image. area: the row of the pair's A.
    """

    iou: float
    intersection: csr_array
    unit: Int64[np.ndarray, " pair"]
    label: Int64[np.ndarray, " pair"]
    area: Int64[np.ndarray, " pair"]


def concepts_in_draws(
    counts: CountsByImage, weights: Weights, *, iou: float, allowed: Bool[np.ndarray, " label"]
) -> Concepts:
    """Return the column of each unit's concept in each draw; NO_CONCEPT if it is not interpretable.

    In a draw, I, A and G are sums over the images that are drawn, and the label of highest IoU is
    chosen anew; a tie goes to the lower label number. All sums are exact.
    weights: how often each image is drawn. iou: a unit is interpretable strictly above it.
    allowed: which labels may be a concept.
    """
    starts = range(0, weights.shape[1], _AT_ONCE)
    parts = (weights[:, start : start + _AT_ONCE] for start in starts)
    found = [_concepts(counts, part, iou, allowed) for part in parts]
    return np.concatenate([np.empty((len(counts.overlap.thresholds), 0), np.int32), *found], axis=1)


def _concepts(
    counts: CountsByImage, weights: Weights, iou: float, allowed: Bool[np.ndarray, " label"]
) -> Concepts:
    heaviest, units = weights.max(axis=1), len(counts.overlap.thresholds)
    with ThreadPoolExecutor(usable_cores()) as threads:
        blocks = list(_add_up(counts, weights, heaviest, threads))
        pairs = _choose_pairs(counts, blocks, heaviest, iou, allowed)
        found = threads.map(partial(_best_labels, pairs, units), blocks)
        return np.concatenate(list(found), axis=1)


def _add_up(
    counts: CountsByImage,
    weights: Weights,
    heaviest: UInt16[np.ndarray, " image"],
    threads: ThreadPoolExecutor,
) -> Iterator[_Block]:
    """Return A and G of every draw."""
    kind = _kind_for(counts.sums @ (counts.area @ heaviest.astype(np.int64)))
    area, sums = counts.area.astype(kind), counts.sums.astype(kind)
    truth = counts.truth.astype(np.float64)

    def add_up(start: int) -> _Block:
        block = weights[:, start : start + _BLOCK]
        return _Block(
            weights=block,
            truth=truth @ block.astype(np.float64),
            activation=sums @ (area @ block.astype(kind)),
        )

    return threads.map(add_up, range(0, weights.shape[1], _BLOCK))


def _choose_pairs(
    counts: CountsByImage,
    blocks: list[_Block],
    heaviest: UInt16[np.ndarray, " image"],
    iou: float,
    allowed: Bool[np.ndarray, " label"],
) -> _Pairs:
    """Return the pairs that a bound does not rule out: I from above, A and G from below."""
    overlap = counts.overlap
    truth, activation = (
        np.min([sums.min(axis=1) for sums in each], axis=0)
        for each in ([block.truth for block in blocks], [block.activation for block in blocks])
    )
    unit, label = np.nonzero((overlap.intersection > 0) & allowed)
    area = unit * len(overlap.categories) + overlap.category_of[label]
    highest = overlap.intersection[unit, label] * float(heaviest.max(initial=0))
    chosen = highest >= _least_share(iou) * (activation[area] + truth[label])
    unit, label, area = unit[chosen], label[chosen], area[chosen]
    intersection = counts.intersections(unit, label)
    return _Pairs(
        iou=iou,
        intersection=intersection.astype(_kind_for(intersection @ heaviest.astype(np.int64))),
        unit=unit,
        label=label,
        area=area,
    )


def _least_share(iou: float) -> float:
    """Return which share of A + G the intersection must be for an IoU above iou, a little less."""
    return (1 - _ROUNDING) * iou / (1 + iou)


def _best_labels(pairs: _Pairs, units: int, block: _Block) -> Concepts:
    pair, draw, ratio = (np.concatenate(each) for each in zip(*_above(pairs, block), strict=True))
    unit, draws = pairs.unit[pair], block.weights.shape[1]
    best = np.zeros((units, draws))
    np.maximum.at(best, (unit, draw), ratio)
    is_best = np.flatnonzero(ratio == best[unit, draw])[::-1]  # so that of equals the first stays
    concepts = np.full((units, draws), NO_CONCEPT, np.int32)
    concepts[unit[is_best], draw[is_best]] = pairs.label[pair[is_best]]
    return concepts


def _above(pairs: _Pairs, block: _Block) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pairs, draws in which their IoU is above `iou`, and this IoU, in the order of pairs."""
    weights = block.weights.astype(pairs.intersection.dtype)
    least = _least_share(pairs.iou)
    of_activation = (least * block.activation).astype(np.float32)
    of_truth = (least * block.truth).astype(np.float32)
    highest = pairs.intersection @ weights.max(axis=1)
    floor = of_activation.min(axis=1)[pairs.area] + of_truth.min(axis=1)[pairs.label]
    chosen = np.flatnonzero(highest >= floor)
    intersection = pairs.intersection[chosen]
    step = max(1, _CELLS // weights.shape[1])
    for start in range(0, max(1, len(chosen)), step):
        part = chosen[start : start + step]
        shared = intersection[start : start + step] @ weights
        floors = of_activation[pairs.area[part]] + of_truth[pairs.label[part]]
        row, draw = np.divmod(np.flatnonzero(shared >= floors), weights.shape[1])
        pair, both = part[row], shared[row, draw].astype(np.float64)
        sizes = block.activation[pairs.area[pair], draw] + block.truth[pairs.label[pair], draw]
        ratio = both / np.maximum(sizes - both, 1)  # 0 where neither was drawn
        above = ratio > pairs.iou
        yield pair[above], draw[above], ratio[above]


def _kind_for(most: Int64[np.ndarray, " count"]) -> type[np.floating[Any]]:
    """Return the smallest type that adds up counts exactly, given the most that each may be."""
    return np.float32 if most.max(initial=0) <= _EXACT else np.float64
