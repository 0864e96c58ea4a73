"""Which secondary things grow, drift and lie about in the pictures?"""

from random import Random

import numpy as np

from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import (
    Outline,
    box,
    curve,
    ellipse,
    moved,
    polygon,
    ribbon,
    rounded,
    smooth,
)
from prunescope.concepts.scenery.palette import (
    Rgb,
    body_colour,
    colour,
    darker,
    jittered,
    lighter,
    mix,
    pattern_colours,
)
from prunescope.concepts.scenery.textures import FABRICS


def cloud(brush: Brush, rng: Random, tone: Rgb) -> None:
    """Draw a cloud around the origin, one unit wide."""
    base = rounded(-0.5, -0.02, 0.5, 0.14, 0.08)
    puffs = [base]
    for x, extra in ((-0.28, 0.0), (-0.02, 0.04), (0.24, 0.0)):
        size = rng.uniform(0.12, 0.2) + extra
        puffs.append(ellipse(x + rng.uniform(-0.05, 0.05), 0.02 - size * 0.35, size))
    brush.fill(puffs, tone, foot=darker(tone, 0.03), glowing=True)
    brush.shine(box(-0.6, 0.07, 0.6, 0.2), -0.08, base)


def bush(brush: Brush, rng: Random, tone: Rgb) -> None:
    """Draw a bush that stands on the origin, one unit wide."""
    sizes = ((-0.3, 0.2), (0.0, 0.29), (0.31, 0.21))
    puffs = [ellipse(x + rng.uniform(-0.04, 0.04), -0.14, size, size * 1.1) for x, size in sizes]
    brush.fill(puffs, tone, material="foliage", within=box(-0.6, -0.9, 0.6, 0.0))
    brush.fill(ellipse(-0.08, -0.28, 0.13, 0.09), lighter(tone, 0.18), material="foliage")


def tuft(brush: Brush, rng: Random, tone: Rgb) -> None:
    """Draw a tuft of grass that grows from the origin, one unit high."""
    for step in range(5):
        x, high = (step - 2) * 0.13, -rng.uniform(0.65, 1.0)
        tip = (x * 2.6 + rng.uniform(-0.1, 0.1), high)
        blade = ribbon(curve([(x, 0.05), (x * 1.3, high * 0.55), tip], 5), 0.15, 0.01)
        brush.fill(blade, darker(tone, 0.08 * (step % 2)), material="foliage")


def rock(brush: Brush, rng: Random, tone: Rgb) -> None:
    """Draw a rock that lies on the origin, one unit wide."""
    top = -rng.uniform(0.36, 0.5)
    stone = polygon([(-0.5, 0), (-0.38, -0.25), (-0.12, top), (0.2, -0.38), (0.42, -0.2), (0.5, 0)])
    brush.fill(stone, tone, material="stone")
    brush.shine(polygon("0.05,-0.6 0.6,-0.6 0.6,0.1 0.2,0.1 0.1,-0.2"), -0.25, stone)


def cactus(brush: Brush, rng: Random) -> None:
    """Draw a cactus that stands on the origin, one unit high."""
    tone = jittered(colour(rng.choice(("forest", "leaf", "teal", "lime"))), rng)
    trunk = rounded(-0.1, -0.95, 0.1, 0.03, 0.1)
    arms = [trunk]
    for side, level in ((-1, -rng.uniform(0.35, 0.5)), (1, -rng.uniform(0.4, 0.6))):
        bend = moved(curve("0,0 0.22,-0.02 0.27,-0.12 0.27,-0.3") * (side, 1), 0, level)
        arms += [ribbon(bend, 0.13), ellipse(side * 0.27, level - 0.3, 0.065)]
    brush.fill(arms, tone, material="foliage")
    brush.shine(box(0.02, -1, 0.1, 0.05), -0.2, trunk)
    if rng.random() < 0.5:
        brush.fill(ellipse(0, -0.96, 0.07, 0.05), colour("raspberry"), "petal")


def seaweed(brush: Brush, rng: Random) -> None:
    """Draw seaweed that grows from the origin, one unit high."""
    tone = jittered(colour(rng.choice(("forest", "teal", "leaf", "lime", "plum"))), rng)
    for step, x in enumerate((-0.16, 0.02, 0.18)):
        high, sway = rng.uniform(0.6, 1.0), rng.choice((-1, 1)) * rng.uniform(0.06, 0.12)
        line = polygon([(0, 0.03), (sway, -0.3), (-sway, -0.65), (sway, -1)]) * (1, high)
        blade = ribbon(moved(curve(line, 5), x, 0), 0.13, 0.02)
        brush.fill(blade, mix(tone, colour("navy"), 0.12 * step), material="foliage")


def coral(brush: Brush, rng: Random) -> None:
    """Draw a coral that grows from the origin, one unit high."""
    names = ("coral", "rose", "raspberry", "tangerine", "lilac", "lemon")
    tone, tip = jittered(colour(rng.choice(names)), rng), -rng.uniform(0.6, 0.8)
    branches = [(polygon("0,0.03 0,-0.4 0.03,-0.85"), 0.16)]
    for side in ((-1, 1), (1, 1)):
        branches.append((polygon([(0, -0.2), (0.22, -0.38), (0.26, tip)]) * side, 0.13))
        branches.append((polygon("0.2,-0.36 0.36,-0.42 0.42,-0.58") * side, 0.1))
    for path, wide in branches:
        x, y = path[-1].tolist()
        end = ellipse(x, y, wide * 0.35)
        brush.fill([ribbon(curve(path, 5), wide, wide * 0.7), end], tone, material="stone")


def lamp(brush: Brush, rng: Random) -> None:
    """Draw a street lamp that stands on the origin, one unit high."""
    side = rng.choice((-1, 1))
    post = curve("0,0.02 0,-0.75 0.06,-0.9 0.2,-0.95") * (side, 1)
    brush.fill(ribbon(post, 0.05, 0.035), colour("charcoal"), material="metal")
    head = moved(rounded(-0.1, -0.96, 0.1, -0.9, 0.03), side * 0.22, 0)
    brush.fill(head, colour("lemon"), material="glass", glowing=True)


def fence(brush: Brush, rng: Random, length: float) -> None:
    """Draw a picket fence from the origin to the right, half a unit high."""
    tone = jittered(colour(rng.choice(("snow", "cream", "caramel", "slate", "cocoa"))), rng)
    rails = [box(0, -0.36, length, -0.3), box(0, -0.16, length, -0.1)]
    picket = polygon("0,0.02 0,-0.42 0.05,-0.5 0.1,-0.42 0.1,0.02")
    brush.fill(rails, darker(tone, 0.12), material="wood")
    brush.fill([moved(picket, x, 0) for x in np.arange(0, length, 0.19)], tone, material="wood")


def ball(brush: Brush, rng: Random) -> None:
    """Draw a ball that lies on the origin, one unit across."""
    shape, texture = (
        ellipse(0, -0.5, 0.5),
        rng.choice((None, "striped", "polka-dotted", "chequered")),
    )
    turn = rng.uniform(0, 90)
    brush.dress(shape, pattern_colours(rng), texture, material="rubber", turn=turn)
    brush.shine(smooth("0.1,-1.1 0.25,-0.5 0.05,-0.1 -0.4,0.05 0.7,0.1 0.7,-1"), -0.22, shape)
    brush.shine(ellipse(-0.2, -0.72, 0.12, 0.08), 0.35)


def toy_blocks(brush: Brush, rng: Random) -> None:
    """Draw building blocks that stand on the origin, one unit wide or high."""
    piles = ("-0.25,0 0.25,0 0,-0.5", "0,0 0.02,-0.5", "-0.2,0 0.32,0")
    for spot in polygon(rng.choice(piles)):
        block, tone = rounded(-0.24, -0.49, 0.24, 0, 0.04) + spot, body_colour(rng)
        brush.fill(block, tone, material="wood")
        face = rounded(-0.16, -0.41, 0.16, -0.08, 0.03) + spot
        brush.fill(face, lighter(tone, 0.35), material="wood")
        brush.shine(box(0.05, -0.5, 0.3, 0) + spot, -0.18, block)


def framed_picture(brush: Brush, rng: Random) -> None:
    """Draw a framed picture around the origin, one unit wide."""
    tone, frame = body_colour(rng), rng.choice(("cocoa", "cream", "mustard", "charcoal"))
    brush.fill(box(-0.5, -0.4, 0.5, 0.4), colour(frame), material="wood")
    sheet = box(-0.41, -0.31, 0.41, 0.31)
    brush.fill(sheet, lighter(tone, 0.55), material="paper")
    hills = smooth("-0.6,0.2 -0.2,-0.05 0.1,0.12 0.6,-0.08 0.7,0.6 -0.7,0.6")
    brush.fill(hills, tone, material="paper", within=sheet)
    sun = ellipse(rng.uniform(-0.2, 0.2), -0.14, 0.09)
    brush.fill(sun, colour("tangerine"), material="paper")


def rug(brush: Brush, rng: Random, outline: Outline) -> None:
    """Draw a woven rug."""
    texture = rng.choice(FABRICS)
    brush.dress(outline, pattern_colours(rng), texture, material="cloth", pitch=0.11)
