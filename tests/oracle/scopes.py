"""How many weights of each tensor survive, and which, counted from the written method alone?

METHOD, section 3. Tensors stand in state-dict order; of equal scores the lower flat index survives.
It shares no code with the package.

scores, alive: for each tensor its flattened values.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

Marks = dict[str, list[bool]]
Scores = Mapping[str, Sequence[float]]
Shapes = Mapping[str, Sequence[int]]


def keep_highest(scores: Scores, alive: Mapping[str, Sequence[bool]], count: int) -> Marks:
    """Mark the highest of the surviving weights of all tensors; True survives."""
    order = {name: number for number, name in enumerate(alive)}
    ranked = sorted(
        (-scores[name][index], order[name], index, name)
        for name, marks in alive.items()
        for index, mark in enumerate(marks)
        if mark
    )
    kept = {(name, index) for _, _, index, name in ranked[:count]}
    return {
        name: [(name, index) in kept for index in range(len(marks))]
        for name, marks in alive.items()
    }


def keep_highest_each(
    scores: Scores, alive: Mapping[str, Sequence[bool]], counts: Mapping[str, int]
) -> Marks:
    """Mark the highest of each tensor by itself."""
    marks: Marks = {}
    for name in alive:
        alone = keep_highest({name: scores[name]}, {name: alive[name]}, counts[name])
        marks[name] = alone[name]
    return marks


def share(size: int, density: str) -> int:
    """Return round(d n), half to even, d as it is written."""
    return int((Decimal(density) * size).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def erk_densities(shapes: Shapes, total: int) -> dict[str, Fraction]:
    """Return each tensor's exact density (Evci et al. 2020) where a total survives.

    A density is proportional to (sum of the axes' lengths) / (product of them). Where that exceeds
    1 the tensor is dense, and the rest is shared out again among the others.
    """
    raw = {name: Fraction(sum(shape), math.prod(shape)) for name, shape in shapes.items()}
    size = {name: math.prod(shape) for name, shape in shapes.items()}
    dense: set[str] = set()
    while len(dense) < len(shapes):
        rest = total - sum(size[name] for name in dense)
        others = [name for name in shapes if name not in dense]
        factor = rest / sum(raw[name] * size[name] for name in others)
        full = {name for name in others if factor * raw[name] > 1}
        if not full:
            return {name: Fraction(1) if name in dense else factor * raw[name] for name in shapes}
        dense |= full
    return dict.fromkeys(shapes, Fraction(1))


def two_of_four(weight: Sequence[Sequence[float]]) -> list[list[bool]]:
    """Mark the two largest magnitudes of each four along the input channels.

    weight: one list of the input channels for each output channel and place in the kernel.
    """
    marks = []
    for row in weight:
        kept: list[bool] = []
        for start in range(0, len(row), 4):
            four = [abs(value) for value in row[start : start + 4]]
            ranked = sorted(range(4), key=lambda index: (-four[index], index))
            kept += [index in ranked[:2] for index in range(4)]
        marks.append(kept)
    return marks


def lives(levels: Sequence[Mapping[str, Sequence[bool]]], name: str) -> Counter[tuple[bool, ...]]:
    """Count the weights of a tensor by the levels at which they are alive.

    One permutation of the tensor turns one list of masks into another just where these agree.
    """
    return Counter(zip(*(level[name] for level in levels), strict=True))


def only_shrinks(levels: Sequence[Mapping[str, Sequence[bool]]]) -> bool:
    """Return whether no weight that is gone at a level is back at a later one."""
    return all(
        before or not after
        for first, second in itertools.pairwise(levels)
        for name in first
        for before, after in zip(first[name], second[name], strict=True)
    )


def instability(
    a: Sequence[float], b: Sequence[float], error: Callable[[list[float]], float], points: int = 30
) -> float:
    """Return the largest rise of the error on the line from a to b above the mean of its ends.

    Frankle et al. 2020. error: of a network with these weights, in points.
    """
    errors = []
    for number in range(points):
        alpha = number / (points - 1)
        errors.append(error([(1 - alpha) * x + alpha * y for x, y in zip(a, b, strict=True)]))
    return max(errors) - (errors[0] + errors[-1]) / 2
