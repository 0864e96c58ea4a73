"""How are the meadow, the sea, the desert and the snowfield drawn?"""

from random import Random

from prunescope.concepts.scenery import props
from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import curve, ellipse, moved, polygon, ribbon, smooth
from prunescope.concepts.scenery.palette import (
    Rgb,
    colour,
    darker,
    from_hex,
    jittered,
    lighter,
    mix,
)
from prunescope.concepts.scenery.stage import Setting, Stage, land, sky, speckle, water

_GRASSES = ("#8CC06D", "#6FAE6E", "#A5BF5B", "#5E9E74", "#C2B459", "#D0A24F")
_SANDS = ("#EFC77E", "#E9A86A", "#E3B78F", "#D98E63", "#F2D9A0")
_SNOWS = ("#F4F7FB", "#EAF2F6", "#F7F1F4")


def meadow(setting: Setting) -> Stage:
    """Draw hills and grass, or a lake before the hills."""
    rng = setting.rng
    orb = sky(setting, clouds=rng.choice((1, 2, 3)))
    tone, level = jittered(from_hex(rng.choice(_GRASSES)), rng), rng.uniform(0.5, 0.6)
    for layer, haze in enumerate((0.6, 0.36, 0.14)):
        hill = land(rng, level + 0.06 * layer, rng.uniform(0.03, 0.07))
        shade = jittered(darker(tone, 0.1 - 0.05 * layer), rng)
        setting.on("hill", haze=haze).fill(hill, shade, None, "foliage")
    for _ in range(rng.choice((0, 2, 3))):
        hedge = setting.on("bush", rng.random(), level + 0.15, rng.uniform(0.06, 0.1), 0.1)
        props.bush(hedge, rng, darker(tone, 0.2))
    shore = level + 0.19
    if setting.afloat:
        return water(setting, "lake", "lake", shore, orb)
    ground, grass = land(rng, shore, 0.02), setting.on("grass")
    grass.fill(ground, lighter(tone, 0.12), None, "foliage", foot=darker(tone, 0.16))
    if rng.random() < 0.5:
        _path(setting.on("path"), rng, shore)
    speckle(grass, rng, shore, (lighter(tone, 0.35), darker(tone, 0.2)), "foliage")

    def front(x: float, y: float) -> None:
        _greenery(setting, x, y, darker(tone, 0.12))

    near = rng.uniform(0.84, 0.93)
    return Stage(scene="meadow", near=near, far=shore + 0.05, front=front, ground=ground, orb=orb)


def sea(setting: Setting) -> Stage:
    """Draw the open sea, or a beach before it."""
    rng = setting.rng
    orb = sky(setting, clouds=rng.choice((1, 2, 3)))
    level = rng.uniform(0.5, 0.62)
    if rng.random() < 0.6:
        isle = smooth("-1,0.03 -0.4,-0.06 0,-0.12 0.5,-0.05 1,0.03")
        isle = isle * (rng.uniform(0.15, 0.35), rng.uniform(0.8, 1.3))
        tone = colour(rng.choice(("forest", "slate", "violet", "caramel")))
        setting.on("island", rng.random(), level, haze=0.45).fill(isle, tone, None, "stone")
    stage = water(setting, "sea", "sea", level, orb)
    if setting.afloat:
        return stage
    shore = rng.uniform(0.72, 0.78)
    setting.on("sea").fill(land(rng, shore - 0.025, 0.018), colour("snow"), None, "water")
    ground, beach = land(rng, shore, 0.02), setting.on("beach")
    beach.fill(ground, from_hex("#F3DDAE"), None, "sand", foot=from_hex("#E0BE86"))
    speckle(beach, rng, shore, (from_hex("#FBEBCB"), from_hex("#CDA671")), "sand")

    def front(x: float, y: float) -> None:
        for step in range(2):
            size, tone = rng.uniform(0.14, 0.24), jittered(colour("stone"), rng)
            props.rock(setting.on("rock", x + step * 0.16, y + 0.05, size), rng, tone)

    near = rng.uniform(0.84, 0.92)
    return Stage(scene="beach", near=near, far=shore + 0.05, front=front, ground=ground, orb=orb)


def desert(setting: Setting) -> Stage:
    """Draw table mountains, dunes and cacti."""
    rng = setting.rng
    orb = sky(setting, clouds=rng.choice((0, 0, 1)))
    tone, level = jittered(from_hex(rng.choice(_SANDS)), rng), rng.uniform(0.54, 0.62)
    for _ in range(rng.choice((1, 2))):
        _mesa(setting.on("mountain", haze=0.45), rng, level)
    for layer, haze in enumerate((0.34, 0.1)):
        dune = land(rng, level + 0.02 + 0.08 * layer, 0.06)
        setting.on("dune", haze=haze).fill(dune, darker(tone, 0.1 - 0.06 * layer), None, "sand")
    shore, sand = level + 0.18, setting.on("dune")
    ground = land(rng, shore, 0.03)
    sand.fill(ground, lighter(tone, 0.2), None, "sand", foot=darker(tone, 0.1))
    for y in (shore + 0.07, shore + 0.14, shore + 0.21):
        ends = (rng.uniform(-0.1, 0.5), y), (rng.uniform(0.6, 1.1), y + 0.01)
        ripple = ribbon(curve([ends[0], (0.5, y - 0.02), ends[1]]), 0.008)
        sand.fill(ripple, darker(tone, 0.16), None, "sand")
    for _ in range(rng.choice((1, 2, 3))):
        x, y = rng.random(), shore + rng.uniform(0.03, 0.07)
        props.cactus(setting.on("cactus", x, y, rng.uniform(0.12, 0.2), 0.1), rng)

    def front(x: float, y: float) -> None:
        if rng.random() < 0.6:
            props.cactus(setting.on("cactus", x, y + 0.07, rng.uniform(0.26, 0.4)), rng)
        else:
            size = rng.uniform(0.2, 0.32)
            props.rock(setting.on("rock", x, y + 0.06, size), rng, darker(tone, 0.25))

    near = rng.uniform(0.84, 0.92)
    return Stage(scene="desert", near=near, far=shore + 0.04, front=front, ground=ground, orb=orb)


def snowfield(setting: Setting) -> Stage:
    """Draw white mountains and falling snow, or a cold lake below the mountains."""
    rng = setting.rng
    orb = sky(setting, clouds=rng.choice((0, 1, 2)))
    level, white = rng.uniform(0.56, 0.64), from_hex(rng.choice(_SNOWS))
    stone = jittered(colour(rng.choice(("slate", "violet", "cobalt", "teal"))), rng)
    for low, high in ((0.05, 0.3), (0.7, 0.95), (0.35, 0.65)):
        tone = mix(stone, colour("stone"), rng.uniform(0, 0.4))
        x = rng.uniform(low, high)
        _peak(setting.on("mountain", x, level, haze=0.25), rng, tone)
    setting.on("hill", haze=0.2).fill(land(rng, level, 0.04), darker(white, 0.08))
    shore = level + 0.12
    if setting.afloat:
        return water(setting, "mountain lake", "lake", shore, orb)
    ground, snow, blue = land(rng, shore, 0.03), setting.on("snow"), mix(white, colour("sky"), 0.5)
    snow.fill(ground, white, foot=blue)
    speckle(snow, rng, shore, (colour("snow"), mix(white, colour("azure"), 0.35)))

    def front(x: float, y: float) -> None:
        drift = moved(smooth("-0.25,0.12 -0.08,-0.03 0.1,0 0.3,0.12"), x, y)
        snow.fill(drift, white, foot=blue)
        if rng.random() < 0.5:
            props.rock(setting.on("rock", x, y + 0.1, 0.16), rng, colour("slate"))
        flakes = [(rng.random(), rng.random(), rng.uniform(0.005, 0.011)) for _ in range(40)]
        snow.fill([ellipse(*flake) for flake in flakes], colour("snow"))

    near = rng.uniform(0.84, 0.92)
    return Stage(
        scene="snowfield", near=near, far=shore + 0.04, front=front, ground=ground, orb=orb
    )


def _path(brush: Brush, rng: Random, shore: float) -> None:
    start, end = rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.9)
    bend = ((start + end) / 2 + rng.uniform(-0.12, 0.12), (shore + 1) / 2)
    path = ribbon(curve([(start, shore + 0.01), bend, (end, 1.06)]), 0.05, 0.22)
    brush.fill(path, from_hex("#E9D5A8"), None, "sand")


def _greenery(setting: Setting, x: float, y: float, tone: Rgb) -> None:
    rng = setting.rng
    choice = rng.choice(("bush", "fence", "tufts"))
    if choice == "bush":
        props.bush(setting.on("bush", x, y + 0.05, rng.uniform(0.2, 0.32)), rng, tone)
    elif choice == "fence":
        props.fence(setting.on("fence", -0.05, y + 0.06, rng.uniform(0.22, 0.3)), rng, 5.0)
    else:
        for step in range(4):
            size = rng.uniform(0.07, 0.13)
            props.tuft(setting.on("grass", x + step * 0.08 - 0.12, y + 0.05, size), rng, tone)


def _mesa(brush: Brush, rng: Random, level: float) -> None:
    x, wide, tall = rng.random(), rng.uniform(0.1, 0.2), rng.uniform(0.1, 0.2)
    outline = polygon([(-1, 0.08), (-0.66, -tall), (0.6, -tall), (1, 0.08)])
    mesa = moved(outline * (wide, 1), x, level)
    brush.fill(mesa, colour(rng.choice(("brick", "caramel", "plum"))), None, "stone")
    lee = polygon([(0.1, -tall), (0.6, -tall), (1, 0.08), (0.1, 0.08)])
    brush.shine(moved(lee * (wide, 1), x, level), -0.18)


def _peak(brush: Brush, rng: Random, tone: Rgb) -> None:
    wide, tall = rng.uniform(0.24, 0.38), rng.uniform(0.2, 0.36)
    size = (wide, tall)
    massif = polygon([(-1, 0.1 / tall), (0, -1), (1, 0.1 / tall)]) * size
    brush.fill(massif, tone, None, "stone")
    snow = polygon("-1,-1.1 1,-1.1 0.4,-0.76 0.2,-0.64 0,-0.76 -0.2,-0.64 -0.4,-0.76")
    brush.fill(snow * size, colour("snow"), within=massif)
    lee = polygon([(0, -1), (1, 0.1 / tall), (0.1, 0.1 / tall), (0.05, -0.5)])
    brush.shine(lee * size, -0.2)
