"""Which concept does each unit have when images are resampled?"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import ceil

import numpy as np
from jaxtyping import Bool, Float, Int32, Int64, UInt16
from scipy.sparse import csr_array

from prunescope.base.devices import usable_cores
from prunescope.results.overlap import Overlap
from prunescope.statistics.by_image import CountsByImage

NO_CONCEPT = -1
_AT_ONCE = 1000  # draws, whose A of every unit and category are held in memory
_BLOCK = 64  # draws, whose weights stay in a core's cache
_CELLS = 2**17  # pairs of unit and label in draws: a piece of work of one core
_EXACT = 2**24  # up to which float32 holds every count
_ROUNDING = 1e-9

Weights = UInt16[np.ndarray, "image draw"]


def concepts_in_draws(
    counts: CountsByImage,
    weights: Weights,
    *,
    iou: float,
    allowed: Bool[np.ndarray, " label"],
) -> Int32[np.ndarray, "unit draw"]:
    """Return the column of each unit's best label in each draw; NO_CONCEPT if it is not above iou.

    weights: how often each image is drawn. allowed: the labels that may be a concept.
    In a draw, I, A and G are sums over the images that were drawn, and the label of highest IoU is
    chosen anew; a tie goes to the lower label number. All sums are exact.
    """
    starts = range(0, weights.shape[1], _AT_ONCE)
    found = [
        _draw(counts, weights[:, start : start + _AT_ONCE], iou, allowed) for start in starts
    ]
    return np.concatenate([np.empty((len(counts.overlap.thresholds), 0), np.int32), *found], axis=1)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Some draws.

    truth: G of every label. activation: A, a row per unit and category.
    """

    weights: np.ndarray
    truth: np.ndarray
    activation: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """Units and labels whose IoU may be above `iou` in some draw, unit by unit.

    intersection: I, a row per pair. row: of its A. 
    """

    iou: float
    intersection: csr_array
    unit: Int64[np.ndarray, " pair"]
    label: Int64[np.ndarray, " pair"]
    row: Int64[np.ndarray, " pair"]


def _draw(
    counts: CountsByImage, weights: Weights, iou: float, allowed: Bool[np.ndarray, " label"]
) -> Int32[np.ndarray, "unit draw"]:
    """Return what `concepts_in_draws` does, for at most _AT_ONCE draws."""
    overlap = counts.overlap
    heaviest = weights.max(axis=1)
    area = _as_floats(counts.area, heaviest)
    sums = counts.sums.astype(area.dtype)
    truth = counts.truth.astype(np.float64)

    def add_up(start: int) -> _Block:
        block = weights[:, start : start + _BLOCK]
        return _Block(
            weights=block,
            truth=truth @ block.astype(np.float64),
            activation=sums @ (area @ block.astype(area.dtype)),
        )

    with ThreadPoolExecutor(usable_cores()) as threads:
        blocks = list(threads.map(add_up, range(0, weights.shape[1], _BLOCK)))
        least_truth = np.min([block.truth.min(axis=1) for block in blocks], axis=0)
        least_activation = np.min([block.activation.min(axis=1) for block in blocks], axis=0)
        union = least_activation.reshape(overlap.activation.shape)[:, overlap.category_of] + least_truth
        possible = allowed & (overlap.intersection > 0) & _may_exceed(iou, overlap.intersection * float(heaviest.max()), union)
        unit, label = np.nonzero(possible)
        pairs = _Pairs(
            iou=iou,
            intersection=_as_floats(counts.intersections(possible), heaviest),
            unit=unit,
            label=label,
            row=unit * len(overlap.categories) + overlap.category_of[label],
        )
        found = threads.map(partial(_best_labels, pairs, len(overlap.thresholds)), blocks)
        return np.concatenate(list(found), axis=1)


def _may_exceed(iou: float, intersection: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return where I / (A + G - I) may be above iou, given bounds: I from above, A + G from below."""
    return (1 + iou) * intersection >= (1 - _ROUNDING) * iou * sizes


def _best_labels(pairs: _Pairs, unit_count: int, block: _Block) -> Int32[np.ndarray, "unit draw"]:
    draws = block.weights.shape[1]
    weights = block.weights.astype(pairs.intersection.dtype)
    most = pairs.intersection @ weights.max(axis=1)
    sizes = block.activation.min(axis=1)[pairs.row] + block.truth.min(axis=1)[pairs.label]
    chosen = np.flatnonzero(_may_exceed(pairs.iou, most, sizes))
    pair, draw, ratio = [], [], []
    for part in np.array_split(chosen, max(1, ceil(len(chosen) * draws / _CELLS))):
        shared = (pairs.intersection[part] @ weights).astype(np.float64)
        union = block.activation[pairs.row[part]] + block.truth[pairs.label[part]]
        union -= shared
        np.maximum(union, 1, out=union)  # 0 where no image of either was drawn
        shared /= union
        above = np.nonzero(shared > pairs.iou)
        pair.append(part[above[0]])
        draw.append(above[1])
        ratio.append(shared[above])
    pair_, draw_, ratio_ = (np.concatenate(each) for each in (pair, draw, ratio))
    unit_ = pairs.unit[pair_]
    best = np.zeros((unit_count, draws))
    np.maximum.at(best, (unit_, draw_), ratio_)
    is_best = np.flatnonzero(ratio_ == best[unit_, draw_])[::-1]  # of equal ones the first stays
    concepts = np.full((unit_count, draws), NO_CONCEPT, np.int32)
    concepts[unit_[is_best], draw_[is_best]] = pairs.label[pair_[is_best]]
    return concepts


def _as_floats(counts: csr_array, heaviest: np.ndarray) -> csr_array:
    """Return counts in the smallest type that adds them up exactly under any of the weights."""
    most = (counts @ heaviest.astype(np.int64)).max(initial=0)
    return counts.astype(np.float32 if most <= _EXACT else np.float64)
