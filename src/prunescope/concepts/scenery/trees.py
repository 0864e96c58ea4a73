"""How are trees drawn?"""

from random import Random

import numpy as np

from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import (
    box,
    curve,
    ellipse,
    moved,
    ribbon,
    smooth,
    symmetric,
)
from prunescope.concepts.scenery.palette import (
    Rgb,
    body_colour,
    colour,
    darker,
    jittered,
    lighter,
)

_LEAVES = (
    "leaf", "forest", "lime", "pine", "teal", "tangerine", "mustard", "tomato", "rose",
    "raspberry", "aqua", "lilac", "apricot", "violet", "azure",
)  # fmt: skip
_BARKS = ("cocoa", "umber", "caramel", "slate")


def tree(brush: Brush, rng: Random) -> None:
    """Draw a tree that stands on the origin, about one unit high."""
    draw = rng.choice((_leafy, _leafy, _conifer, _poplar, _umbrella_pine, _palm))
    leaves, bark = colour(rng.choice(_LEAVES)), colour(rng.choice(_BARKS))
    draw(brush, rng, jittered(leaves, rng), jittered(bark, rng))


def _leafy(brush: Brush, rng: Random, leaves: Rgb, bark: Rgb) -> None:
    top, wide = rng.uniform(-0.66, -0.58), rng.uniform(0.26, 0.36)
    _trunk(brush, rng, bark, top)
    puffs = [ellipse(0, top, wide, 0.27)]
    for step in range(8):
        angle = 2 * np.pi * (step + rng.uniform(-0.25, 0.25)) / 8
        x, y = wide * 0.75 * np.cos(angle), top + 0.2 * np.sin(angle)
        puffs.append(ellipse(x, y, wide * rng.uniform(0.36, 0.5), rng.uniform(0.12, 0.17)))
    brush.fill(puffs, leaves, "crown", "foliage")
    lit = [(-0.3, -0.09, 0.5), (0.25, -0.14, 0.32), (-0.02, 0.09, 0.26)]
    lobes = [ellipse(x * wide, top + y, size * wide, size * 0.26) for x, y, size in lit]
    brush.fill(lobes, lighter(leaves, 0.2), "crown", "foliage")
    shaded = [ellipse(0.5, 0.13, 0.4, 0.09), ellipse(-0.5, 0.17, 0.3, 0.06)]
    hollows = [moved(hollow * (wide, 1), 0, top) for hollow in shaded]
    brush.fill(hollows, darker(leaves, 0.16), "crown", "foliage")
    if rng.random() < 0.4:
        spots = [(rng.uniform(-0.75, 0.75), rng.uniform(-0.17, 0.2)) for _ in range(7)]
        fruits = [ellipse(x * wide, top + y, 0.032) for x, y in spots]
        brush.fill(fruits, body_colour(rng), "fruit")


def _conifer(brush: Brush, rng: Random, leaves: Rgb, bark: Rgb) -> None:
    tiers, wide = rng.choice((3, 4)), rng.uniform(0.26, 0.36)
    brush.fill(box(-0.045, -0.2, 0.045, 0), bark, "trunk", "wood")
    tier_shape = smooth(symmetric("0,-1 0.5,-0.4 1,0 0.5,0.06 0,0.02"), 4)
    for tier in range(tiers):
        reach = wide * (1 - tier / (tiers + 0.6))
        foot, high = -0.13 - 0.74 * tier / tiers, 0.78 / tiers + 0.12
        skirt = moved(tier_shape * (reach, high), 0, foot)
        brush.fill(skirt, lighter(leaves, 0.05 * tier), "crown", "foliage")
        brush.shine(box(wide * 0.06, foot - high, wide, foot + 0.1), -0.2, skirt)
    if rng.random() < 0.25:
        spots = [(rng.uniform(0.02, 0.12) * (1.4 - 0.2 * step), step) for step in range(6)]
        candles = [ellipse((-1) ** step * x, -0.2 - 0.11 * step, 0.03) for x, step in spots]
        brush.fill(candles, colour("lemon"), "fruit", glowing=True)


def _poplar(brush: Brush, rng: Random, leaves: Rgb, bark: Rgb) -> None:
    wide, middle = rng.uniform(0.16, 0.24), rng.uniform(-0.58, -0.54)
    half = [(0, -0.99), (0.75, middle - 0.15), (1, middle + 0.1), (0.6, middle + 0.36)]
    crown = smooth(symmetric(half)) * (wide, 1)
    brush.fill(crown, leaves, "crown", "foliage")
    lee = smooth([(0.1, -1.1), (1.6, middle), (0.15, -0.05), (0.3, middle)]) * (wide, 1)
    brush.shine(lee, -0.22, crown)
    _trunk(brush, rng, bark, middle - 0.1)


def _umbrella_pine(brush: Brush, rng: Random, leaves: Rgb, bark: Rgb) -> None:
    lean = rng.uniform(-0.12, 0.12)
    bole = curve([(0, 0.01), (-lean * 0.6, -0.35), (lean, -0.75)])
    branch = curve([(-lean * 0.5, -0.36), (0.12, -0.48), (0.2, -0.52)])
    brush.fill([ribbon(bole, 0.09, 0.045), ribbon(branch, 0.04, 0.02)], bark, "trunk", "wood")
    pad = smooth("-1,0.05 -0.55,-0.07 0,-0.12 0.6,-0.07 1,0.05 0,0.07")
    for x, y, wide in ((0.22, -0.55, 0.2), (-0.16, -0.66, 0.25), (lean, -0.82, 0.34)):
        needles = moved(pad * (wide, 1), x, y)
        brush.fill(needles, leaves, "crown", "foliage")
        brush.shine(box(x - wide, y + 0.02, x + wide, y + 0.2), -0.2, needles)


def _palm(brush: Brush, rng: Random, leaves: Rgb, bark: Rgb) -> None:
    lean = rng.uniform(-0.16, 0.16)
    bole = curve([(0, 0.01), (lean * 0.2, -0.4), (lean, -0.72)])
    brush.fill(ribbon(bole, 0.085, 0.05), bark, "trunk", "wood")
    for step, degrees in enumerate((-165, -128, -90, -52, -15, 12, -192)):
        angle = np.deg2rad(degrees + rng.uniform(-8, 8))
        x, y = np.cos(angle), np.sin(angle)
        frond = curve([(0, 0), (0.2 * x, 0.2 * y - 0.04), (0.4 * x, 0.26 * y + 0.1)])
        blade = moved(ribbon(frond, 0.11, 0.012), lean, -0.72)
        brush.fill(blade, darker(leaves, 0.15 * (step % 2)), "crown", "foliage")
    nuts = [ellipse(lean - 0.035, -0.7, 0.036), ellipse(lean + 0.04, -0.69, 0.036)]
    brush.fill(nuts, colour("umber"), "fruit")


def _trunk(brush: Brush, rng: Random, bark: Rgb, top: float) -> None:
    bend, side = rng.uniform(-0.04, 0.04), rng.choice((-1, 1))
    trunk = ribbon(curve([(0, 0.01), (bend, top * 0.5), (0, top * 0.9)]), 0.12, 0.06)
    branch = curve([(bend, top * 0.5), (side * 0.1, top * 0.66), (side * 0.14, top * 0.8)])
    brush.fill([trunk, ribbon(branch, 0.045, 0.025)], bark, "trunk", "wood")
    brush.shine(box(0.01, top, 0.1, 0.1), -0.25, trunk)
