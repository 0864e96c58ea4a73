"""How are aeroplanes, balloons and sailboats drawn?"""

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
    symmetric,
)
from prunescope.concepts.scenery.palette import (
    Rgb,
    body_colour,
    colour,
    darker,
    lighter,
    pattern_colours,
)
from prunescope.concepts.scenery.textures import FABRICS

_MERIDIAN = "0,-0.5 0.72,-0.4 1,-0.15 0.72,0.09 0.2,0.27"  # a balloon's right edge, half as wide


def aeroplane(brush: Brush, rng: Random) -> None:
    """Draw an aeroplane from the side around the origin, one unit long, its nose to the right."""
    tones, accent, jet = pattern_colours(rng), body_colour(rng), rng.random() < 0.6
    far_wing = polygon("0.06,-0.03 -0.06,-0.24 -0.14,-0.24 -0.1,-0.03")
    brush.fill(far_wing, darker(accent, 0.25), "wing", "metal")
    fin = "-0.48,-0.3 -0.39,-0.3 -0.24,-0.05 -0.46,-0.03"
    rudder = "-0.49,-0.22 -0.4,-0.26 -0.28,-0.04 -0.46,0"
    brush.fill(smooth(fin if jet else rudder), accent, "tail", "metal")
    _fuselage(brush, rng, tones, rng.uniform(0.095, 0.125))
    tailplane = polygon("-0.34,-0.02 -0.42,0.08 -0.5,0.08 -0.46,-0.02")
    brush.fill(tailplane, darker(accent, 0.1), "tail", "metal")
    if jet:
        engine = rounded(-0.08, 0.13, 0.08, 0.21, 0.035)
        brush.fill(engine, darker(tones[1], 0.1), "engine", "metal")
        brush.shine(box(-0.1, 0.17, 0.1, 0.3), -0.3, engine)
    reach = rng.uniform(0.22, 0.34)
    wing = smooth([(0.13, 0.03), (-0.16, reach), (-0.26, reach), (-0.12, 0.02)], 3)
    brush.fill(wing, accent, "wing", "metal")
    edge = polygon([(0.13, 0.0), (-0.16, reach), (-0.2, reach), (0.0, 0.0)])
    brush.shine(edge, 0.2, wing)
    if not jet:
        spinner = brush.at(0.5, 0.02, 1, rng.uniform(-25, 25))
        blades = [ellipse(0.01, y, 0.022, 0.1) for y in (-0.1, 0.1)]
        spinner.fill(blades, colour("umber"), "propeller", "wood")
        spinner.fill(ellipse(0, 0, 0.035, 0.04), colour("mustard"), "propeller", "metal")


def balloon(brush: Brush, rng: Random) -> None:
    """Draw a hot-air balloon around the origin, one unit high."""
    wide, tones = rng.uniform(0.31, 0.4), pattern_colours(rng)
    ropes = [ribbon([(side * 0.07, 0.26), (side * 0.055, 0.4)], 0.012) for side in (-1, 1)]
    brush.fill(ropes, colour("umber"), "rope", "cloth")
    envelope = smooth(symmetric(_MERIDIAN)) * (wide, 1)
    if rng.random() < 0.5:
        _gores(brush, envelope, tones, wide)
    else:
        texture, turn = rng.choice((*FABRICS, "polka-dotted", None)), rng.choice((0, 0, 90))
        pitch = rng.uniform(0.1, 0.14)
        brush.dress(envelope, tones, texture, "envelope", "cloth", pitch=pitch, turn=turn)
    if rng.random() < 0.4:
        band = ribbon(curve("-1,-0.12 0,-0.05 1,-0.12") * (wide, 1), 0.1)
        brush.fill(band, body_colour(rng), "envelope", "cloth", within=envelope)
    lee = smooth("0.2,-0.6 0.62,-0.15 0.05,0.4 1.5,0.3 1.6,-0.4") * (wide, 1)
    brush.shine(lee, -0.24, envelope)
    brush.shine(ellipse(-wide * 0.5, -0.26, 0.06, 0.12), 0.28)
    basket = rounded(-0.075, 0.39, 0.075, 0.5, 0.025)
    brush.fill(basket, colour("caramel"), "basket", "wicker")
    brush.fill(box(-0.085, 0.385, 0.085, 0.41), colour("cocoa"), "basket", "wicker")
    brush.shine(box(0.01, 0.38, 0.1, 0.52), -0.25, basket)


def sailboat(brush: Brush, rng: Random) -> None:
    """Draw a sailboat whose water line runs through the origin, about one unit high."""
    bow, stern, deck = rng.uniform(0.36, 0.46), -rng.uniform(0.32, 0.42), -rng.uniform(0.1, 0.14)
    mast, peak = rng.uniform(-0.06, 0.08), -rng.uniform(0.82, 0.98)
    spar = box(mast - 0.012, peak - 0.03, mast + 0.012, deck + 0.02)
    brush.fill(spar, colour("umber"), "mast", "wood")
    _sails(brush, rng, (mast, peak), stern, bow, deck - 0.05)
    if rng.random() < 0.7:
        flag = moved(curve("0,0 -0.08,-0.02 -0.16,0.03"), mast, peak - 0.03)
        brush.fill(ribbon(flag, 0.06, 0.03), body_colour(rng), "flag", "cloth")
    sheer = [(stern, deck), (0, deck + 0.03), (bow, deck - 0.03)]
    hull = smooth([*sheer, (bow * 0.72, 0.05), (0, 0.08), (stern * 0.8, 0.05)])
    tones = pattern_colours(rng)
    brush.fill(hull, tones[0], "hull", "wood")
    stripe = ribbon(curve(moved(polygon(sheer) * (1.1, 1), 0, 0.043)), 0.035)
    brush.fill(stripe, tones[1], "hull", "wood", within=hull)
    brush.shine(box(-0.6, -0.02, 0.6, 0.2), -0.28, hull)
    if rng.random() < 0.4:
        portholes = [ellipse(stern * 0.55 + step * 0.13, -0.02, 0.022) for step in range(3)]
        brush.fill(portholes, colour("cream"), "window", "glass")


def _fuselage(brush: Brush, rng: Random, tones: tuple[Rgb, Rgb], thick: float) -> None:
    body = smooth(
        "0.5,0.15 0.4,-0.75 0.15,-1 -0.25,-0.72 -0.5,-0.45 -0.25,0.55 0.15,1 0.42,0.7"
    ) * (1, thick)
    style = rng.choice(("belly", "line", "texture", "plain"))
    if style == "texture":
        texture = rng.choice(FABRICS)
        white = (colour("snow"), tones[1])
        brush.dress(body, white, texture, "fuselage", "metal", pitch=0.09)
    else:
        brush.fill(body, tones[0], "fuselage", "metal")
    if style in ("belly", "line"):
        band = box(-0.6, 0.025, 0.6, 0.3 if style == "belly" else 0.05)
        brush.fill(band, tones[1], "fuselage", "metal", within=body)
    keel = ribbon(curve("-0.5,0.9 0,0.95 0.5,0.75") * (1, thick), 0.09)
    brush.shine(keel, -0.26, body)
    glass = colour("lemon" if brush.lamps else "cobalt")
    cockpit = smooth("0.3,-0.8 0.45,-0.55 0.43,-0.14 0.33,-0.18", 5) * (1, thick)
    brush.fill(cockpit, colour("cobalt"), "window", "glass", within=body)
    panes = [rounded(x, -0.05, x + 0.04, 0, 0.02) for x in (0.2, 0.115, 0.03, -0.055, -0.14)]
    brush.fill(panes, glass, "window", "glass", glowing=brush.lamps)


def _gores(brush: Brush, envelope: Outline, tones: tuple[Rgb, Rgb], wide: float) -> None:
    """Draw upright stripes that run together at the crown and at the mouth."""
    texture = "striped" if brush.detailed else None
    brush.fill(envelope, tones[0], "envelope", "cloth", texture=texture)
    edge = curve(_MERIDIAN) * (wide, 1)
    shares = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 8))
    gores = [
        np.concatenate([edge * (left, 1), (edge * (right, 1))[::-1]])
        for left, right in zip(shares[1::2], shares[2::2], strict=False)
    ]
    brush.fill(gores, tones[1], "envelope", "cloth", texture=texture, within=envelope)


def _sails(
    brush: Brush, rng: Random, top: tuple[float, float], stern: float, bow: float, foot: float
) -> None:
    mast, peak = top
    tones, texture = pattern_colours(rng), rng.choice((None, None, *FABRICS))
    leech = curve([(mast - 0.02, peak), (mast - 0.22, (peak + foot) / 2), (stern * 0.95, foot)])
    main = np.concatenate([leech, [(mast - 0.02, foot)]])
    turn = rng.choice((0, 90))
    brush.dress(main, tones, texture, "sail", "cloth", pitch=0.11, turn=turn)
    fold = ribbon(curve([(mast, peak), (mast - 0.05, (peak + foot) / 2), (mast, foot)]), 0.1)
    brush.shine(fold, -0.16, main)
    if rng.random() < 0.85:
        belly = (mast + 0.2, (peak + foot) / 2 + 0.06)
        stay = curve([(mast + 0.02, peak + 0.07), belly, (bow * 0.95, foot - 0.02)])
        jib = np.concatenate([stay, [(mast + 0.03, foot - 0.04)]])
        tone = lighter(tones[1], 0.2) if rng.random() < 0.5 else tones[0]
        brush.fill(jib, tone, "sail", "cloth")
        brush.shine(polygon([(mast, peak), (mast + 0.1, foot), (mast, foot)]), -0.16, jib)
