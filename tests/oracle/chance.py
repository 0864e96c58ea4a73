"""What is due to chance in a dissection, computed the slow and plain way, from the method alone?

Worlds are those of the oracle of dissections, whichever way that was loaded; like it, this shares
no code with the package.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np


def permute(world: Any, source_of: dict[tuple[int, str], int]) -> Any:
    """Return a world in which images get their labels of a category from other images.

    source_of: by image and category, for every image that carries a label of the category.
    """
    images = []
    for place, image in enumerate(world.images):
        planes: list[np.ndarray] = []
        whole: list[int] = []
        for category in world.categories:
            if (place, category) not in source_of:
                continue
            source = world.images[source_of[place, category]]
            own = [number for number, name in world.primary.items() if name == category]
            planes += [np.where(np.isin(plane, own), plane, 0) for plane in source.planes]
            whole += [number for number in source.whole if number in own]
        images.append(replace(image, planes=planes, whole=whole))
    return replace(world, images=images)


def carriers(world: Any, category: str) -> list[int]:
    """Return the images that carry at least one label whose primary category it is."""
    own = [number for number, name in world.primary.items() if name == category]
    return [
        place
        for place, image in enumerate(world.images)
        if any(np.isin(plane, own).any() for plane in image.planes)
        or any(number in own for number in image.whole)
    ]


def p_values(observed: list[float], null: list[list[float]]) -> list[float]:
    """Return p of every unit; nan for a dead one. null: by draw and unit."""
    values = []
    for unit, best in enumerate(observed):
        as_good = len([draw for draw in null if draw[unit] >= best])
        values.append(float("nan") if np.isnan(best) else (1 + as_good) / (len(null) + 1))
    return values


def label_p_values(
    ious: list[list[float]], null: list[list[list[float]]], named: list[int | None]
) -> list[tuple[float, float]]:
    """Return the label's own p of every unit, and that one adjusted over the labels tested.

    ious: by unit and label, of the labels that are in the images. null: by draw, unit and label.
    named: the label of each unit. "Its IoU against its own null"; a unit's label was chosen among
    all that were tested, so it is significant only if as many times its p still is.
    """
    values = []
    for unit, label in enumerate(named):
        if label is None:
            values.append((float("nan"), float("nan")))
            continue
        as_good = 0
        for draw in null:
            if draw[unit][label] >= ious[unit][label]:
                as_good += 1
        p = (1 + as_good) / (len(null) + 1)
        values.append((p, min(1.0, len(ious[unit]) * p)))
    return values


def discoveries(p: list[float], interpretable: list[bool], rate: Fraction) -> list[bool]:
    """Benjamini and Hochberg's step-up over the units with a p; none but interpretable ones pass.

    The others are as if their p were 1.
    """
    tested = [unit for unit, value in enumerate(p) if not np.isnan(value)]
    exact = {
        unit: Fraction(p[unit]).limit_denominator(10**6) if interpretable[unit] else Fraction(1)
        for unit in tested
    }
    best = Fraction(0)
    for rank, unit in enumerate(sorted(tested, key=lambda unit: exact[unit]), start=1):
        if exact[unit] <= rate * rank / len(tested):
            best = exact[unit]
    return [unit in exact and interpretable[unit] and exact[unit] <= best for unit in range(len(p))]


ENOUGH = 10
LOOK_FIRST_AFTER = 64


def undecided(
    p: list[float], as_good: list[int], interpretable: list[bool], draws: int, rate: Fraction
) -> list[bool]:
    """Return which units do not pass after some draws, but would if every open unit had p = 0.

    as_good: the draws that are as good as each unit, or better; a unit with ten is not open.
    """
    tested = [unit for unit, value in enumerate(p) if not np.isnan(value)]
    if draws >= len(tested) / rate - 1:
        return [False] * len(p)
    generous = [
        0.0 if interpretable[unit] and as_good[unit] < ENOUGH else value
        for unit, value in enumerate(p)
    ]
    now = discoveries(p, interpretable, rate)
    then = discoveries(generous, interpretable, rate)
    return [after and not before for before, after in zip(now, then, strict=True)]


def draw_until_decided(
    as_good: list[list[bool]], tested: list[bool], interpretable: list[bool], rate: Fraction
) -> tuple[int, list[bool]]:
    """Go through draws one by one; return after how many it is decided, and who passes then.

    as_good: by draw and unit, of as many draws as there can be.
    """
    most = int(sum(tested) / rate) - 1
    counts = [0] * len(tested)
    stopped: dict[int, Fraction] = {}
    for n, draw in enumerate(as_good[:most], start=1):
        for unit, good in enumerate(draw):
            if good and unit not in stopped:
                counts[unit] += 1
                if counts[unit] == ENOUGH:
                    stopped[unit] = Fraction(ENOUGH, n)
        if n == most:
            final = [stopped.get(unit, Fraction(g + 1, n + 1)) for unit, g in enumerate(counts)]
            return n, _passing(final, tested, interpretable, rate)
        if n >= LOOK_FIRST_AFTER and n & (n - 1) == 0:
            worst = [
                stopped.get(unit, Fraction(ENOUGH, min(n + ENOUGH - g, most + 1)))
                for unit, g in enumerate(counts)
            ]
            best = [stopped.get(unit, Fraction(g + 1, most + 1)) for unit, g in enumerate(counts)]
            passing = [_passing(p, tested, interpretable, rate) for p in (worst, best)]
            if passing[0] == passing[1]:
                return n, passing[0]
    raise AssertionError("too few draws")


def _passing(
    p: list[Fraction], tested: list[bool], interpretable: list[bool], rate: Fraction
) -> list[bool]:
    """Benjamini and Hochberg's step-up, in exact arithmetic; interpretable units alone can pass."""
    m = sum(tested)
    candidates = [u for u in range(len(p)) if tested[u] and interpretable[u]]
    bound = Fraction(0)
    for rank, unit in enumerate(sorted(candidates, key=lambda unit: p[unit]), start=1):
        if p[unit] <= rate * rank / m:
            bound = p[unit]
    return [unit in candidates and p[unit] <= bound for unit in range(len(p))]
