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
