"""How are flowers and mushrooms drawn?"""

from random import Random

import numpy as np
from jaxtyping import Float

from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import (
    box,
    curve,
    ellipse,
    moved,
    polygon,
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
    pattern_colours,
)

_GREENS = ("leaf", "forest", "lime", "pine", "teal")
_TULIP = "0,-0.29 0.07,-0.16 0.15,-0.27 0.19,-0.12 0.16,0.02 0,0.1"


def flower(brush: Brush, rng: Random) -> None:
    """Draw a flower that grows from the origin, about one unit high."""
    lean, head = rng.uniform(-0.1, 0.1), rng.uniform(-0.74, -0.64)
    green = jittered(colour(rng.choice(_GREENS)), rng)
    if rng.random() < 0.3:
        _pot(brush.beside("pot"), rng)
    stem = curve([(0, 0), (lean * 0.2, head * 0.5), (lean, head)])
    for side in rng.choice(((-1, 1), (1,), (-1,), (-1, 1, -1))):
        _leaf(brush, stem[rng.randrange(3, 9)], side * rng.uniform(0.2, 0.3), green)
    brush.fill(ribbon(stem, 0.042, 0.034), green, "stem", "foliage")
    bloom = rng.choice((_daisy, _daisy, _anemone, _tulip))
    bloom(brush.at(lean, head, 1, lean * 90), rng)


def mushroom(brush: Brush, rng: Random) -> None:
    """Draw a mushroom that stands on the origin, sometimes with a smaller one beside it."""
    if rng.random() < 0.4:
        side = rng.choice((-1, 1))
        shift, scale = side * rng.uniform(0.26, 0.34), rng.uniform(0.4, 0.55)
        _single_mushroom(brush.at(shift, 0, scale, side * 7), rng)
    _single_mushroom(brush, rng)


def _leaf(brush: Brush, root: Float[np.ndarray, " 2"], reach: float, green: Rgb) -> None:
    size = (reach, abs(reach))
    blade = smooth("0,0 0.45,-0.62 1,-0.75 0.72,-0.18", 6) * size + root
    brush.fill(blade, lighter(green, 0.1), "leaf", "foliage")
    brush.shine(polygon("0,0 1,-0.75 1,0.6") * size + root, -0.2, blade)


def _pot(brush: Brush, rng: Random) -> None:
    tones, pot = pattern_colours(rng), polygon("-0.17,-0.24 0.17,-0.24 0.13,0 -0.13,0")
    texture = rng.choice((None, "striped", "zigzagged", "polka-dotted"))
    brush.dress(pot, tones, texture, material="ceramic", pitch=0.08, turn=90)
    brush.shine(polygon("0.03,-0.24 0.17,-0.24 0.13,0 0.03,0"), -0.22)
    brush.fill(box(-0.19, -0.27, 0.19, -0.21), darker(tones[0], 0.1), material="ceramic")


def _daisy(brush: Brush, rng: Random) -> None:
    count, tone, reach = rng.choice((6, 7, 8, 10, 12)), body_colour(rng), rng.uniform(0.24, 0.29)
    across = reach * (0.32 if count < 9 else 0.21)
    petal = ellipse(0, -reach * 0.62, across, reach * 0.42)
    for shift, shade in ((0.5, darker(tone, 0.16)), (0.0, tone)):
        for step in range(count):
            ray = brush.at(0, 0, 1, 360 * (step + shift) / count)
            ray.fill(petal, shade, "petal")
    heart, texture = ellipse(0, 0, reach * 0.38), rng.choice((None, "polka-dotted", "grid"))
    brush.dress(heart, pattern_colours(rng), texture, "flower heart", pitch=0.04)
    brush.shine(ellipse(0.05, 0.05, reach * 0.34), -0.14, heart)


def _anemone(brush: Brush, rng: Random) -> None:
    tone = body_colour(rng)
    for shift, size, shade in ((0.0, 1.0, darker(tone, 0.15)), (0.5, 0.66, lighter(tone, 0.12))):
        angles = 2 * np.pi * (np.arange(5) + shift) / 5
        ring = np.stack([np.sin(angles), -np.cos(angles)], axis=1) * 0.145 * size
        brush.fill([ellipse(x, y, 0.125 * size) for x, y in ring], shade, "petal")
    heart = colour(rng.choice(("lemon", "mustard", "cream", "plum")))
    brush.fill(ellipse(0, 0, 0.06), heart, "flower heart")


def _tulip(brush: Brush, rng: Random) -> None:
    cup, texture = smooth(symmetric(_TULIP), 5), rng.choice((None, None, "striped", "polka-dotted"))
    brush.dress(cup, pattern_colours(rng), texture, "petal")
    brush.shine(smooth("0,0.12 0.2,0.04 0.22,-0.3 0.1,-0.2 0.06,-0.05"), -0.22, cup)
    brush.shine(ellipse(-0.08, -0.08, 0.035, 0.08), 0.25)


def _single_mushroom(brush: Brush, rng: Random) -> None:
    rim, wide, stalk = -rng.uniform(0.42, 0.56), rng.uniform(0.3, 0.42), rng.uniform(0.075, 0.12)
    pale = jittered(colour(rng.choice(("cream", "snow", "sand", "stone", "rose"))), rng, 5.0)
    half = [(0.8, rim), (0.85, rim * 0.5), (1.4, -0.06), (0.9, 0.01)]
    stem = smooth(symmetric(half)) * (stalk, 1)
    brush.fill(stem, pale, "stem")
    brush.shine(box(stalk * 0.15, rim, stalk * 2, 0.1), -0.22, stem)
    if rng.random() < 0.4:
        skirt = smooth("-1.5,0.62 0,0.72 1.5,0.62 0,0.68") * (stalk, rim)
        brush.fill(skirt, lighter(pale, 0.5), "stem")
    brush.fill(ellipse(0, rim, wide * 0.86, 0.06), darker(pale, 0.22), "gills")
    _cap(brush, rng, rim, wide)


def _cap(brush: Brush, rng: Random, rim: float, wide: float) -> None:
    high, bulge = rng.uniform(0.24, 0.46), rng.choice((0.62, 0.74, 0.84))
    dome = smooth(symmetric([(0, -1), (bulge, -0.68), (1, 0.01), (0.5, -0.08)]))
    cap = moved(dome * (wide, high), 0, rim)
    texture = rng.choice((*["polka-dotted"] * 7, "striped", None))
    brush.dress(cap, pattern_colours(rng), texture, pitch=rng.uniform(0.1, 0.14))
    lee = smooth("0.2,-1.1 0.55,-0.4 0.1,0.3 1.4,0.3 1.4,-1") * (wide, high)
    brush.shine(moved(lee, 0, rim), -0.22, cap)
    gleam = ellipse(-wide * 0.42, rim - high * 0.62, wide * 0.2, high * 0.13)
    brush.shine(gleam, 0.3)
