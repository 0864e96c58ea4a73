"""What are resampled counts, computed the slow and plain way, from the written method alone?

One loop per idea: draws, units, labels, images. It shares no code with the package.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

SMALLEST = 20


@dataclass(frozen=True, kw_only=True)
class Image:
    """What one image holds, in pixels.

    truth: of every label it carries. activation: of every unit that fires on it.
    intersection: of a unit and a label.
    """

    truth: dict[int, int]
    activation: dict[int, int]
    intersection: dict[tuple[int, int], int]


def strata(images: list[Image], primary: dict[int, str]) -> list[list[int]]:
    """Return the images of every set of categories that images carry; small sets are one."""
    carried = [frozenset(primary[label] for label in image.truth) for image in images]
    sizes = Counter(carried)
    large = sorted({each for each in carried if sizes[each] >= SMALLEST}, key=sorted)
    sets = [[i for i, each in enumerate(carried) if each == chosen] for chosen in large]
    small = [i for i, each in enumerate(carried) if sizes[each] < SMALLEST]
    return sets + ([small] if small else [])


def concepts(
    images: list[Image],
    units: int,
    primary: dict[int, str],
    drawn: np.ndarray,
    iou: float,
    categories: set[str] | None = None,
    inside: bool = False,
) -> list[int | None]:
    """Return each unit's label in a draw; None for one that is not interpretable.

    drawn: how often each image is drawn. categories: of labels that may be a concept.
    inside: A counts an image for a category only where a label of it lies in the unit's mask.
    """
    found: list[int | None] = []
    for unit in range(units):
        best, best_iou = None, 0.0
        for label in sorted(primary):
            if categories is not None and primary[label] not in categories:
                continue
            shared = fired = labelled = 0
            for image, times in zip(images, drawn.tolist(), strict=True):
                shared += times * image.intersection.get((unit, label), 0)
                labelled += times * image.truth.get(label, 0)
                alike = [other for other in image.truth if primary[other] == primary[label]]
                if inside:
                    alike = [other for other in alike if image.intersection.get((unit, other))]
                if alike:
                    fired += times * image.activation.get(unit, 0)
            either = fired + labelled - shared
            value = shared / either if either else 0.0
            if value > best_iou:
                best, best_iou = label, value
        found.append(best if best_iou > iou else None)
    return found


def counts(found: list[int | None], primary: dict[int, str]) -> dict[str, int]:
    """Return the interpretable units and their concepts, in all and by category."""
    labels = [label for label in found if label is not None]
    numbers = {"units": len(labels), "concepts": len(set(labels))}
    for category in set(primary.values()):
        of_category = [label for label in labels if primary[label] == category]
        numbers[f"{category} units"] = len(of_category)
        numbers[f"{category} concepts"] = len(set(of_category))
    return numbers


def outcome(a: int | None, b: int | None) -> str:
    """Return what became of a unit with these concepts in A and B."""
    if a is not None and b is not None:
        return "kept" if a == b else "relabelled"
    if a is not None:
        return "lost"
    return "gained" if b is not None else "neither"


def interval(observed: float, drawn: list[float]) -> tuple[float, float]:
    """Return the 95 % interval: the wider of percentile and basic at either end."""
    low, high = (_quantile(sorted(drawn), share) for share in (0.025, 0.975))
    return min(low, 2 * observed - high), max(high, 2 * observed - low)


def _quantile(ascending: list[float], share: float) -> float:
    """Return a quantile, linear between two values."""
    position = share * (len(ascending) - 1)
    below = int(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (position - below) * (ascending[above] - ascending[below])
