"""How are cars drawn?"""

from random import Random

from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import (
    Outline,
    box,
    ellipse,
    moved,
    polygon,
    rounded,
    smooth,
)
from prunescope.concepts.scenery.palette import (
    Rgb,
    body_colour,
    colour,
    darker,
    lighter,
    pattern_colours,
)

_CABINS = {
    "saloon": "-0.27,-0.27 -0.17,-0.43 0.1,-0.44 0.26,-0.27 0.26,-0.2 -0.27,-0.2",
    "hatchback": "-0.43,-0.27 -0.36,-0.44 0.08,-0.46 0.25,-0.27 0.25,-0.2 -0.43,-0.2",
    "van": "-0.46,-0.2 -0.46,-0.56 0.2,-0.57 0.35,-0.27 0.35,-0.2",
    "beetle": "-0.36,-0.25 -0.2,-0.45 0.06,-0.46 0.24,-0.25 0.24,-0.2 -0.36,-0.2",
    "pick-up": "-0.08,-0.27 -0.06,-0.46 0.14,-0.47 0.28,-0.27 0.28,-0.2 -0.08,-0.2",
}
_BEETLE = "-0.48,-0.12 -0.42,-0.24 -0.2,-0.29 0.2,-0.29 0.43,-0.22 0.49,-0.1 0.3,-0.07 -0.3,-0.07"


def car(brush: Brush, rng: Random) -> None:
    """Draw a car from the side, its wheels on the origin's level, one unit long."""
    kind, tones = rng.choice(list(_CABINS)), pattern_colours(rng)
    tone = tones[0] if rng.random() < 0.5 else body_colour(rng)
    cabin = polygon(_CABINS[kind]) if kind == "van" else smooth(_CABINS[kind], 6)
    (left, top), (right, _) = cabin.min(axis=0), cabin.max(axis=0)
    if rng.random() < 0.25:
        _luggage(brush, rng, (left + right) / 2, top)
    brush.fill(cabin, tone, "bodywork", "metal")
    roof = lighter(tones[1], 0.1) if rng.random() < 0.5 else darker(tone, 0.12)
    brush.fill(box(left, top, right, top + 0.04), roof, "roof", "metal", within=cabin)
    _panes(brush, cabin)
    body = smooth(_BEETLE) if kind == "beetle" else rounded(-0.5, -0.29, 0.48, -0.075, 0.06)
    texture = rng.choice((None, None, None, "striped", "chequered", "chequered"))
    brush.dress(body, (tone, tones[1]), texture, "bodywork", "metal")
    brush.shine(box(-0.6, -0.135, 0.6, 0), -0.28, body)
    brush.shine(box(-0.6, -0.275, 0.6, -0.245), 0.22, body)
    _fittings(brush, tone)
    size = rng.uniform(0.085, 0.115)
    for x in (-0.28, 0.28):
        _wheel(brush, x, -size, size)


def _panes(brush: Brush, cabin: Outline) -> None:
    centre = (cabin.min(axis=0) + cabin.max(axis=0)) / 2
    pane = moved((cabin - centre) * (0.8, 0.66) + centre, 0, 0.02)
    tone = colour("lemon" if brush.lamps else "sky")
    above_sill = box(-0.6, -0.8, 0.6, -0.265)
    brush.fill(pane, tone, "window", "glass", glowing=brush.lamps, within=above_sill)
    glint = moved(polygon("0.08,-0.25 0.16,-0.6 0.3,-0.6 0.22,-0.25"), centre[0], 0)
    brush.shine(glint, 0.45, pane)


def _fittings(brush: Brush, tone: Rgb) -> None:
    lit = brush.lamps
    front, rear = ellipse(0.445, -0.205, 0.035, 0.032), rounded(-0.5, -0.235, -0.455, -0.17, 0.02)
    brush.fill(front, colour("lemon"), "headlight", "glass", glowing=lit)
    brush.fill(rear, colour("tomato"), "headlight", "glass", glowing=lit)
    bumpers = [rounded(left, -0.13, left + 0.14, -0.085, 0.02) for left in (-0.53, 0.38)]
    brush.fill(bumpers, colour("stone"), "bumper", "metal")
    if brush.detailed:
        brush.fill(rounded(-0.1, -0.26, 0.13, -0.1, 0.03), darker(tone, 0.28), "door", "metal")
        leaf = rounded(-0.09, -0.25, 0.12, -0.11, 0.025)
        brush.fill(leaf, lighter(tone, 0.06), "door", "metal")
        brush.fill(rounded(-0.07, -0.225, -0.01, -0.205, 0.01), colour("snow"), "door", "metal")


def _wheel(brush: Brush, x: float, y: float, size: float) -> None:
    brush.fill(ellipse(x, y, size * 1.22), colour("ink"), "wheel", "rubber")
    brush.fill(ellipse(x, y, size), colour("charcoal"), "wheel", "rubber")
    brush.fill(ellipse(x, y, size * 0.58), colour("stone"), "wheel", "metal")
    brush.fill(ellipse(x, y, size * 0.26), colour("slate"), "wheel", "metal")


def _luggage(brush: Brush, rng: Random, x: float, top: float) -> None:
    for left, wide in ((x - 0.15, 0.13), (x + 0.01, 0.1)):
        case = rounded(left, top - rng.uniform(0.07, 0.12), left + wide, top + 0.02, 0.02)
        brush.beside("luggage").fill(case, body_colour(rng), material="leather")
