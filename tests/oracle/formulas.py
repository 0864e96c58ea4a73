"""Which formulas does the beam search find, computed the slow and plain way, from the method alone?

Worlds are those of the oracle of dissections, whichever way that was loaded; like it, this shares
no code with the package. Every formula is evaluated on every pixel of every image.
"""

from typing import Any

import numpy as np

WAYS = ("and", "or", "and not")
Formula = tuple[tuple[int, ...], tuple[str, ...]]  # label numbers, and how each but the first joins


def canonical(formula: Formula) -> Formula:
    """Sort the labels of every stretch by number, those after "and not" behind the others."""
    labels, ways = formula
    if not ways:
        return formula
    first_way = "or" if ways[0] == "or" else "and"
    stretches: list[list[tuple[str, int]]] = []
    for way, label in zip((first_way, *ways), labels, strict=True):
        if stretches and (stretches[-1][0][0] == "or") == (way == "or"):
            stretches[-1].append((way, label))
        else:
            stretches.append([(way, label)])
    done = []
    for stretch in stretches:
        done += sorted(stretch, key=lambda each: (each[0] == "and not", each[1]))
    return tuple(label for _, label in done), tuple(way for way, _ in done[1:])


def is_true(formula: Formula, image: Any) -> np.ndarray:
    """Return on which pixels of an image a formula is true."""
    labels, ways = formula
    result = carries(labels[0], image)
    for way, label in zip(ways, labels[1:], strict=True):
        other = carries(label, image)
        if way == "and":
            result = np.logical_and(result, other)
        elif way == "or":
            result = np.logical_or(result, other)
        else:
            result = np.logical_and(result, np.logical_not(other))
    return result


def carries(label: int, image: Any) -> np.ndarray:
    """Return which pixels of an image carry a label, in any plane or as one of the whole image."""
    result = np.full((image.height, image.width), label in image.whole)
    for plane in image.planes:
        result |= plane == label
    return result


def counts(formula: Formula, masks: list[np.ndarray], world: Any) -> tuple[int, int, int]:
    """Return I, A and G of a formula with the masks of one unit, one for every image."""
    categories = {world.primary[label] for label in formula[0]}
    intersection = activation = truth = 0
    for image, mask in zip(world.images, masks, strict=True):
        true = is_true(formula, image)
        intersection += int((true & mask).sum())
        truth += int(true.sum())
        present = [label for label in world.primary if carries(label, image).any()]
        if any(world.primary[label] in categories for label in present):
            activation += int(mask.sum())
    return intersection, activation, truth


def iou(of: tuple[int, int, int]) -> float:
    """Return I / (A + G - I)."""
    intersection, activation, truth = of
    return intersection / (activation + truth - intersection)


def search(
    masks: list[np.ndarray], world: Any, *, longest: int, beam: int, categories: list[str]
) -> list[tuple[Formula, tuple[int, int, int]]]:
    """Return the best formula of each length, with I, A and G, as long as there are any."""
    labels = [label for label in sorted(world.primary) if world.primary[label] in categories]
    found = []
    best = _best({((label,), ()) for label in labels}, masks, world, beam)
    for length in range(1, longest + 1):
        found += best[:1]
        if length == longest:
            break
        longer = set()
        for formula, _ in best:
            for label in labels:
                for way in WAYS:
                    if label in formula[0]:
                        continue
                    joined = ((*formula[0], label), (*formula[1], way))
                    if any(
                        (is_true(joined, image) != is_true(formula, image)).any()
                        for image in world.images
                    ):
                        longer.add(canonical(joined))
        best = _best(longer, masks, world, beam)
    return found


def _best(
    formulas: set[Formula], masks: list[np.ndarray], world: Any, beam: int
) -> list[tuple[Formula, tuple[int, int, int]]]:
    counted = [(formula, counts(formula, masks, world)) for formula in formulas]
    positive = [(formula, of) for formula, of in counted if of[0] > 0]

    def rank(each: tuple[Formula, tuple[int, int, int]]) -> Any:
        (labels, ways), of = each
        return -iou(of), labels, [WAYS.index(way) for way in ways]

    return sorted(positive, key=rank)[:beam]


def best_upto(found: list[tuple[Formula, tuple[int, int, int]]], longest: int) -> list[float]:
    """Return the highest IoU of the formulas up to each length; 0 without any."""
    return [
        max((iou(of) for _, of in found[:length]), default=0.0) for length in range(1, longest + 1)
    ]
