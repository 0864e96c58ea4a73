"""How are fish and birds drawn?"""

from random import Random

from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import box, curve, ellipse, ribbon, smooth
from prunescope.concepts.scenery.palette import (
    Rgb,
    body_colour,
    colour,
    darker,
    pattern_colours,
)

_BODY = "0.47,0 0.36,-0.62 0.1,-1 -0.18,-0.62 -0.34,-0.2 -0.34,0.2 -0.18,0.62 0.1,1 0.36,0.62"
_TAIL = "-0.28,0 -0.42,-0.95 -0.5,-1 -0.42,0 -0.5,1 -0.42,0.95"


def fish(brush: Brush, rng: Random) -> None:
    """Draw a fish around the origin, one unit long, its head to the right."""
    tall, (ground, figure), fins = rng.uniform(0.17, 0.3), pattern_colours(rng), body_colour(rng)
    _outer_fins(brush, rng, tall, fins)
    body = smooth(_BODY) * (1, tall)
    texture = rng.choice((*["scaly"] * 7, "striped", "striped", None))
    if texture == "scaly":
        figure = darker(ground, 0.42)
    turn, pitch = rng.choice((0, 0, 90)), rng.uniform(0.1, 0.13)
    brush.dress(body, (ground, figure), texture, pitch=pitch, turn=turn)
    belly = smooth([(0.6, 0.05), (0.1, tall * 0.45), (-0.5, 0.02), (-0.4, 0.5), (0.5, 0.5)])
    brush.shine(belly, -0.2, body)
    head = smooth("0.27,-1.2 0.33,0 0.27,1.2 0.7,1 0.7,-1", 6) * (1, tall)
    brush.fill(head, ground if texture == "scaly" else figure, "head", within=body)
    gill = ribbon(curve("0.28,-0.75 0.33,0 0.28,0.75") * (1, tall), 0.018)
    brush.fill(gill, darker(ground, 0.25), "head", within=body)
    pectoral = smooth("0.16,0.03 0.02,0.15 -0.06,0.13 0.02,0.04", 6)
    brush.fill(pectoral, fins, "fin")
    brush.shine(box(-0.1, 0.1, 0.2, 0.3), -0.15, pectoral)
    brush.fill(ellipse(0.365, -tall * 0.2, 0.05), colour("snow"), "eye")
    brush.fill(ellipse(0.376, -tall * 0.2, 0.029), colour("ink"), "eye")
    mouth = ribbon(curve("0.41,0.3 0.44,0.2 0.47,0.16") * (1, tall), 0.014)
    brush.fill(mouth, darker(ground, 0.5), "head", within=body)


def bird(brush: Brush, rng: Random) -> None:
    """Draw a gull far off: two wings around the origin, one unit across."""
    lift = rng.uniform(0.1, 0.3)
    wing = curve([(0, 0), (0.22, -lift), (0.5, -lift * 0.4)])
    wings = [ribbon(wing * (side, 1), 0.1, 0.03) for side in (-1, 1)]
    brush.fill(wings, colour("charcoal"), "wing")


def _outer_fins(brush: Brush, rng: Random, tall: float, tone: Rgb) -> None:
    fork = rng.uniform(0.14, 0.22)
    tail = smooth(_TAIL, 5) * (1, fork)
    brush.fill(tail, tone, "tail")
    rays = [ribbon([(-0.36, 0), (-0.46, side * fork * 0.8)], 0.02) for side in (-1, 1)]
    brush.fill(rays, darker(tone), "tail", within=tail)
    crest = rng.uniform(0.04, 0.12)
    back = [(0.18, -tall * 0.7), (0, -tall - 0.13), (-0.18, -tall - crest), (-0.24, -tall * 0.3)]
    keel = [(0.06, tall * 0.6), (-0.08, tall + 0.12), (-0.16, tall + 0.06), (-0.12, tall * 0.5)]
    brush.fill([smooth(back, 6), smooth(keel, 6)], darker(tone, 0.08), "fin")
