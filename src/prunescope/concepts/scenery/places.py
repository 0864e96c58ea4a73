"""How are the city, the reef, the heights and the playroom drawn?"""

import numpy as np

from prunescope.concepts.scenery import props
from prunescope.concepts.scenery.buildings import town_building
from prunescope.concepts.scenery.geometry import box, ellipse, moved, polygon, ribbon, smooth
from prunescope.concepts.scenery.palette import (
    colour,
    darker,
    from_hex,
    jittered,
    lighter,
    mix,
    pattern_colours,
)
from prunescope.concepts.scenery.stage import Setting, Stage, cloud_tone, sky, water
from prunescope.concepts.scenery.textures import FABRICS

_FACADES = (
    "coral", "apricot", "teal", "cobalt", "lilac", "slate",
    "brick", "sand", "violet", "mustard", "aqua", "rose",
)  # fmt: skip
_ASPHALTS = ("#767683", "#5F6473", "#8A8288")
_SEAS = (
    ("#8FDCE0", "#1F6F9E"), ("#A6E3D0", "#227A8C"), ("#7FC0EA", "#2B4F97"), ("#B7A6E6", "#3A4A96"),
)  # fmt: skip
_BOARDS = ("caramel", "apricot", "cocoa", "sand", "slate", "cream")


def city(setting: Setting) -> Stage:
    """Draw a skyline and a street, or a canal."""
    rng = setting.rng
    orb, level = sky(setting, clouds=rng.choice((0, 1, 2))), rng.uniform(0.68, 0.74)
    _skyline(setting, level)
    pavement, stone = setting.on("pavement"), jittered(from_hex("#CFC7C0"), rng)
    if setting.afloat:
        pavement.fill(box(-0.1, level - 0.01, 1.1, level + 0.035), stone, None, "stone")
        return water(setting, "canal", "canal", level + 0.03, orb)
    pavement.fill(box(-0.1, level - 0.01, 1.1, level + 0.1), stone, None, "stone")
    kerb = box(-0.1, level + 0.085, 1.1, level + 0.1)
    pavement.fill(kerb, from_hex("#A59C9C"), None, "stone")
    ground, road = box(-0.1, level + 0.1, 1.1, 1.1), setting.on("road")
    asphalt = jittered(from_hex(rng.choice(_ASPHALTS)), rng, 5.0)
    road.fill(ground, asphalt, None, "asphalt", foot=darker(asphalt, 0.2))
    start = rng.uniform(-0.2, 0.0)
    dashes = [moved(box(0, 0.935, 0.12, 0.955), start + step * 0.22, 0) for step in range(6)]
    road.fill(dashes, from_hex("#F0E6CF"), None, "asphalt")

    def front(x: float, y: float) -> None:
        if rng.random() < 0.5:
            props.lamp(setting.on("lamp", x, 1.02, rng.uniform(0.55, 0.85)), rng)
        else:
            tone = colour(rng.choice(("leaf", "forest", "teal")))
            props.bush(setting.on("bush", x, y + 0.06, rng.uniform(0.2, 0.3)), rng, tone)

    near = rng.uniform(0.83, 0.92)
    return Stage(scene="street", near=near, far=level + 0.06, front=front, ground=ground, orb=orb)


def reef(setting: Setting) -> Stage:
    """Draw the bottom of a shallow sea, with coral, seaweed and bubbles."""
    rng = setting.rng
    top, deep = (from_hex(code) for code in rng.choice(_SEAS))
    top, far, sea = jittered(top, rng, 5.0), rng.uniform(0.7, 0.76), setting.on("sea")
    sea.fill(box(-0.1, -0.1, 1.1, 1.1), top, None, "water", foot=deep)
    for _ in range(3):
        x, wide = rng.random(), rng.uniform(0.04, 0.12)
        ray = polygon([(x, -0.1), (x + wide, -0.1), (x + wide * 2.2 - 0.3, 0.9), (x - 0.3, 0.9)])
        sea.shine(ray, 0.14)
    for x in (rng.uniform(0, 0.3), rng.uniform(0.7, 1)):
        mound = moved(smooth("-0.3,0.1 -0.1,-0.1 0.12,-0.06 0.3,0.1"), x, far)
        setting.on("rock").fill(mound, mix(deep, top, 0.3), None, "stone")
    dunes = "-0.2,0.05 0.2,0 0.5,0.05 0.8,0.01 1.2,0.05 1.2,0.5 -0.2,0.5"
    ground = moved(smooth(dunes), 0, far)
    setting.on("seabed").fill(ground, from_hex("#E9D6A4"), None, "sand", foot=from_hex("#B99C72"))
    for _ in range(4):
        _growth(setting, rng.random(), far + rng.uniform(0.05, 0.12), rng.uniform(0.14, 0.26))
    for _ in range(3):
        x, y = rng.random(), rng.uniform(0.1, 0.6)
        rising = [(x + rng.uniform(-0.02, 0.02), y - step * 0.06) for step in range(3)]
        bubbles = [ellipse(*spot, rng.uniform(0.008, 0.018)) for spot in rising]
        setting.on("bubble").fill(bubbles, from_hex("#DDF6F4"))

    def front(x: float, y: float) -> None:
        _growth(setting, x, max(1.0, y), rng.uniform(0.3, 0.5))

    near = rng.uniform(0.84, 0.92)
    return Stage(scene="reef", near=near, far=far + 0.06, front=front, ground=ground)


def heights(setting: Setting) -> Stage:
    """Draw the sky above the clouds."""
    rng, white = setting.rng, cloud_tone(setting.mood)
    orb = sky(setting, clouds=rng.choice((3, 4, 5)), reach=0.8)
    for x in (0.0, 0.3, 0.65, 1.0):
        spot = (x + rng.uniform(-0.1, 0.1), rng.uniform(0.93, 1.03), rng.uniform(0.4, 0.6))
        props.cloud(setting.on("cloud", *spot), rng, white)

    def front(x: float, y: float) -> None:
        props.cloud(setting.on("cloud", x, y + 0.08, rng.uniform(0.25, 0.4)), rng, white)

    near = rng.uniform(0.74, 0.82)
    return Stage(scene="sky", near=near, far=0.4, front=front, orb=orb)


def floating_island(setting: Setting, x: float, y: float, wide: float) -> None:
    """Draw an island in the air whose grass is `wide` across and has its middle at (x, y)."""
    rng, island = setting.rng, setting.on("island", x, y, wide / 2)
    earth = jittered(colour(rng.choice(("caramel", "cocoa", "slate", "brick"))), rng)
    body = smooth("-1,0 1,0 0.6,0.32 0.1,0.68 -0.55,0.36")
    island.fill(body, earth, None, "stone")
    island.shine(box(0.15, -0.2, 2, 0.8), -0.22, body)
    turf = smooth("-1.04,0.01 0,-0.08 1.04,0.01 0.5,0.12 0,0.08 -0.5,0.13")
    tone = colour(rng.choice(("leaf", "lime", "forest")))
    island.beside("grass").fill(turf, tone, None, "foliage")


def playroom(setting: Setting) -> Stage:
    """Draw a papered wall and a floor of boards or tiles, with a rug, a picture and toys."""
    rng, level = setting.rng, setting.rng.uniform(0.66, 0.76)
    _papered_wall(setting, level)
    if rng.random() < 0.5:
        spot = (rng.uniform(0.12, 0.88), rng.uniform(0.18, 0.34), rng.uniform(0.18, 0.28))
        props.framed_picture(setting.on("picture", *spot), rng)
    if rng.random() < 0.45:
        _tiles(setting, level)
    else:
        _boards(setting, level)
        if rng.random() < 0.4:
            oval = ellipse(rng.uniform(0.35, 0.65), 0.92, rng.uniform(0.36, 0.5), 0.085)
            props.rug(setting.on("rug"), rng, oval)
    skirting = box(-0.02, level - 0.035, 1.02, level + 0.006)
    setting.on("skirting").fill(skirting, colour("snow"), None, "wood")
    floor = box(-0.02, level, 1.02, 1.02)

    def front(x: float, y: float) -> None:
        draw, thing = rng.choice(((props.ball, "ball"), (props.toy_blocks, "toy blocks")))
        draw(setting.on(thing, x, y + 0.06, rng.uniform(0.15, 0.26)), rng)

    near = rng.uniform(0.86, 0.93)
    return Stage(scene="playroom", near=near, far=level + 0.07, front=front, ground=floor)


def _papered_wall(setting: Setting, level: float) -> None:
    rng = setting.rng
    ground, figure = pattern_colours(rng)
    pale = lighter(ground, 0.3)
    tones = (pale, mix(pale, figure, rng.uniform(0.45, 0.75)))
    texture = rng.choice((*FABRICS, "polka-dotted"))
    pitch, turn = rng.uniform(0.14, 0.2), rng.choice((0, 0, 45, 90))
    wall, paper = box(-0.02, -0.02, 1.02, level), setting.on("wallpaper")
    paper.dress(wall, tones, texture, material="paper", pitch=pitch, turn=turn)


def _boards(setting: Setting, level: float) -> None:
    rng, floor = setting.rng, setting.on("floor")
    tone = jittered(colour(rng.choice(_BOARDS)), rng)
    floor.fill(box(-0.02, level, 1.02, 1.02), tone, None, "wood", foot=darker(tone, 0.2))
    columns = np.linspace(-0.6, 0.6, 7)
    joints = [ribbon([(0.5 + x * 0.8, level), (0.5 + x * 1.7, 1.05)], 0.006) for x in columns]
    floor.fill(joints, darker(tone, 0.22), None, "wood")


def _tiles(setting: Setting, level: float) -> None:
    """Draw a chequered floor that runs away from the eye."""
    rng, floor = setting.rng, setting.on("floor")
    ground, figure = pattern_colours(rng)
    floor.fill(box(-0.02, level, 1.02, 1.02), ground, None, "ceramic", texture="chequered")
    rows = level + (1.02 - level) * np.array([0, 0.14, 0.32, 0.58, 1])
    spread = 0.5 + 1.6 * (rows - level)  # how far apart the lines to the vanishing point are
    columns = np.arange(-1.25, 1.3, 0.25) + rng.uniform(-0.12, 0.12)
    tiles = [
        polygon(
            [
                (0.5 + columns[step] * spread[row], rows[row]),
                (0.5 + columns[step + 1] * spread[row], rows[row]),
                (0.5 + columns[step + 1] * spread[row + 1], rows[row + 1]),
                (0.5 + columns[step] * spread[row + 1], rows[row + 1]),
            ]
        )
        for row in range(len(rows) - 1)
        for step in range(row % 2, len(columns) - 1, 2)
    ]
    floor.fill(tiles, figure, None, "ceramic", texture="chequered")


def _skyline(setting: Setting, level: float) -> None:
    rng = setting.rng
    family = [colour(name) for name in rng.sample(_FACADES, 4)]
    for haze, low, high in ((0.66, 0.2, 0.42), (0.24, 0.1, 0.3)):
        x = rng.uniform(-0.08, 0.0)
        while x < 1.05:
            wide, tall = rng.uniform(0.1, 0.19), rng.uniform(low, high)
            plot = setting.on("building", x + wide / 2, level, haze=haze)
            town_building(plot, rng, wide, tall, jittered(rng.choice(family), rng, 6.0))
            x += wide + rng.choice((0.0, 0.012, 0.03))


def _growth(setting: Setting, x: float, y: float, size: float) -> None:
    draw, thing = setting.rng.choice(((props.coral, "coral"), (props.seaweed, "seaweed")))
    draw(setting.on(thing, x, y, size), setting.rng)
