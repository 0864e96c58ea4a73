"""How are houses, windmills and town buildings drawn?"""

from random import Random

import numpy as np

from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import (
    Outline,
    box,
    ellipse,
    moved,
    polygon,
    rounded,
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
    mix,
    pattern_colours,
)
from prunescope.concepts.scenery.textures import FABRICS

_ROOFS = {  # right halves; the eaves at x = 1, y = 0, the ridge at y = -1
    "gable": "0,-1 1,0",
    "hip": "0.5,-0.8 1,0",
    "barn": "0,-1 0.68,-0.6 1,0",
}
_MATERIALS = ("brick", "brick", "brick", "brick", "brick", "brick", "plaster", "wood", "stone")


def house(brush: Brush, rng: Random) -> None:
    """Draw a house that stands on the origin, about one unit high."""
    half, tall = rng.uniform(0.3, 0.46), rng.uniform(0.36, 0.58)
    wall = box(-half, -tall, half, 0)
    if rng.random() < 0.6:
        _chimney(brush, rng, rng.choice((-1, 1)) * half * rng.uniform(0.35, 0.6), tall)
    if rng.random() < 0.4:
        _extension(brush, rng, half, tall)
    _wall(brush, rng, wall)
    brush.shine(box(half * rng.uniform(0.2, 0.5), -tall, half, 0), -0.22)
    _openings(brush, rng, half, tall)
    brush.shine(box(-half, -tall, half, -tall + 0.05), -0.35)
    _roof(brush, rng, half, tall)


def windmill(brush: Brush, rng: Random) -> None:
    """Draw a windmill that stands on the origin, its blades turned anyhow."""
    foot, top, tall = rng.uniform(0.17, 0.24), rng.uniform(0.09, 0.13), rng.uniform(0.58, 0.68)
    tower = symmetric([(top, -tall), (foot, 0)])
    _wall(brush, rng, tower)
    brush.shine(polygon([(0.02, -tall), (top, -tall), (foot, 0), (0.06, 0)]), -0.25)
    _window(brush, 0.0, -tall * 0.62, 0.07, 0.09)
    _door(brush, rng, rng.uniform(-0.03, 0.03), 0.1, 0.17)
    if rng.random() < 0.5:
        gallery = polygon("-1.25,-1 1.25,-1 1,-0.9 -1,-0.9") * (foot, tall * 0.38)
        brush.fill(gallery, colour("cocoa"), "balcony", "wood")
    dome = smooth("1.25,0 0.9,-0.1 0,-0.16 -0.9,-0.1 -1.25,0 0,0.02")
    cap = moved(dome * (top, 1), 0, -tall)
    brush.fill(cap, body_colour(rng), "roof", "tile")
    brush.shine(box(0.01, -tall - 0.2, 0.3, -tall + 0.03), -0.2, cap)
    _blades(brush, rng, -tall - 0.04)


def town_building(brush: Brush, rng: Random, wide: float, tall: float, tone: Rgb) -> None:
    """Draw a building that stands on the origin, given its size in the frame, and its windows."""
    wall = box(-wide / 2, -tall, wide / 2, 0.02)
    top = rng.choice(("flat", "flat", "gable", "step", "mast"))
    if top == "gable":
        gable = moved(polygon("-0.5,0 0,-0.45 0.5,0") * wide, 0, -tall)
        brush.fill(gable, darker(tone, 0.2), "roof", "tile")
    elif top == "step":
        brush.fill(box(-wide / 4, -tall - 0.05, wide / 4, -tall), tone, "wall", "concrete")
    elif top == "mast":
        brush.fill(box(-0.005, -tall - 0.12, 0.005, -tall), darker(tone), "mast", "metal")
    brush.fill(wall, tone, "wall", "concrete")
    brush.shine(box(wide * 0.2, -tall, wide / 2, 0.02), -0.16)
    columns, rows = max(2, round(wide / 0.055)), max(2, round(tall / 0.085))
    pane = box(-0.011, 0.03, 0.011, 0.068)
    panes = [
        moved(pane, wide * ((step + 0.5) / columns - 0.5), row * 0.085 - tall)
        for step in range(columns)
        for row in range(rows)
    ]
    lit = [rng.random() < (0.55 if brush.lamps else 0.15) for _ in panes]
    dark_panes = [pane for pane, light in zip(panes, lit, strict=True) if not light]
    lit_panes = [pane for pane, light in zip(panes, lit, strict=True) if light]
    brush.fill(dark_panes, mix(tone, colour("navy"), 0.45), "window", "glass")
    _glass(brush, lit_panes, colour("lemon"))


def _wall(brush: Brush, rng: Random, wall: Outline) -> None:
    """Draw a wall of brick, wood, stone or plaster, sometimes painted in a pattern."""
    if brush.detailed and rng.random() < 0.15:
        brush.dress(wall, pattern_colours(rng), rng.choice(FABRICS), "wall", "plaster")
        return
    material, tone = rng.choice(_MATERIALS), body_colour(rng)
    if material == "brick":
        tone = jittered(mix(colour("brick"), tone, rng.uniform(0, 0.4)), rng)
    brush.fill(wall, tone, "wall", material)
    if brush.detailed and material != "plaster":
        joint = lighter(tone, 0.34) if material == "brick" else darker(tone, 0.16)
        joints = _JOINTS[material](rng, wall, brush.place.scale)
        brush.fill(joints, joint, "wall", material, within=wall)


def _window(
    brush: Brush, x: float, y: float, wide: float, tall: float, *, arched: bool = False
) -> None:
    """Draw a window around (x, y): a pale frame and panes, lit after dark."""
    panes = _opening(x, y, wide, tall, arched)
    brush.fill(_opening(x, y, wide + 0.036, tall + 0.036, arched), colour("snow"), "window", "wood")
    glass = colour("lemon" if brush.lamps else "cobalt")
    corner = polygon([(x - wide, y + tall / 2), (x - wide, y - tall), (x + wide, y - tall)])
    _glass(brush, [panes], glass)
    _glass(brush, [corner], lighter(glass, 0.3), panes)
    if brush.detailed:
        bars = [box(x - 0.007, y - 1, x + 0.007, y + 1), box(x - 1, y - 0.007, x + 1, y + 0.007)]
        brush.fill(bars, colour("snow"), "window", "wood", within=panes)


def _glass(brush: Brush, panes: list[Outline], tone: Rgb, within: Outline | None = None) -> None:
    brush.fill(panes, tone, "window", "glass", glowing=brush.lamps, within=within)


def _door(brush: Brush, rng: Random, x: float, wide: float, tall: float) -> None:
    leaf = _opening(x, -tall / 2, wide, tall, rng.random() < 0.5)
    frame = box(x - wide / 2 - 0.015, -tall - 0.02, x + wide / 2 + 0.015, 0)
    brush.fill(frame, colour("cream"), "door", "wood")
    brush.fill(leaf, body_colour(rng), "door", "wood")
    brush.shine(box(x - wide, -tall, x - wide * 0.1, 0), 0.12, leaf)
    knob = ellipse(x + wide * 0.28, -tall * 0.45, 0.012)
    brush.fill(knob, colour("mustard"), "door", "metal")


def _opening(x: float, y: float, wide: float, tall: float, arched: bool) -> Outline:
    if not arched:
        return box(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    arch = ellipse(x, y + (wide - tall) / 2, wide / 2)[18:]
    return np.concatenate([arch, box(x - wide / 2, y, x + wide / 2, y + tall / 2)[2:]])


def _openings(brush: Brush, rng: Random, half: float, tall: float) -> None:
    columns = rng.choice((2, 3)) if half > 0.36 else 2
    storeys = 2 if tall > 0.48 else 1
    entrance, arched = rng.randrange(columns), rng.random() < 0.3
    pane = min(0.15, half * 1.1 / columns)
    for column in range(columns):
        x = half * 1.7 * ((column + 0.5) / columns - 0.5)
        for storey in range(storeys):
            if column == entrance and storey == storeys - 1:
                _door(brush, rng, x, pane * 1.05, min(0.27, tall * 0.58))
            else:
                y = -tall * (0.5 if storeys == 1 else 0.72 - 0.42 * storey)
                _window(brush, x, y, pane * 0.85, pane * 0.95, arched=arched)


def _roof(brush: Brush, rng: Random, half: float, tall: float) -> None:
    eaves, rise = half + 0.07, rng.uniform(0.26, 0.42)
    shape = rng.choice(list(_ROOFS))
    roof = moved(symmetric(_ROOFS[shape]) * (eaves, rise), 0, 0.02 - tall)
    texture = rng.choice((None, None, None, "scaly", "striped", "lozenged"))
    ground, figure = pattern_colours(rng)
    if texture == "scaly":
        figure = darker(ground, 0.3)
    brush.dress(roof, (ground, figure), texture, "roof", "tile", pitch=0.085)
    lee = moved(polygon("0.1,-1.2 1.2,-1 1.2,0.2 0.3,0.2") * (eaves, rise), 0, -tall)
    brush.shine(lee, -0.24, roof)
    gutter = box(-eaves, -tall + 0.005, eaves, -tall + 0.035)
    brush.fill(gutter, lighter(ground, 0.4), "roof", "wood")
    if shape == "gable" and half > 0.36 and rng.random() < 0.6:
        y = -tall - rise * 0.38
        brush.fill(ellipse(0, y, 0.065), colour("cream"), "window", "wood")
        _glass(brush, [ellipse(0, y, 0.047)], colour("lemon" if brush.lamps else "azure"))


def _chimney(brush: Brush, rng: Random, x: float, tall: float) -> None:
    top = -tall - rng.uniform(0.33, 0.42)
    stack = box(x - 0.055, top, x + 0.055, -tall)
    brush.fill(stack, jittered(colour("brick"), rng), "chimney", "brick")
    brush.shine(box(x, top, x + 0.055, -tall), -0.25)
    brush.fill(box(x - 0.07, top - 0.03, x + 0.07, top + 0.01), colour("cream"), "chimney", "stone")
    if rng.random() < 0.6:
        puff = ellipse(0, 0, 0.035, 0.03)
        rise = moved(polygon("0.04,-0.075 0.1,-0.135 0.19,-0.2"), x, top).tolist()
        puffs = [moved(puff * (1 + 0.4 * step), *spot) for step, spot in enumerate(rise)]
        brush.beside("smoke").fill(puffs, colour("snow"))


def _extension(brush: Brush, rng: Random, half: float, tall: float) -> None:
    side, height = rng.choice((-1, 1)), tall * 0.55
    inner, outer = side * half * 0.9, side * (half + rng.uniform(0.16, 0.26))
    _wall(brush, rng, box(min(inner, outer), -height, max(inner, outer), 0))
    _window(brush, (side * half + outer) / 2, -height * 0.5, 0.08, 0.1)
    slope = polygon("0,-0.16 1.2,-0.02 1.2,0.02 0,0.02") * (outer - inner, 1)
    brush.fill(moved(slope, inner, -height), body_colour(rng), "roof", "tile")


def _blades(brush: Brush, rng: Random, hub: float) -> None:
    turn, tones = rng.uniform(0, 90), pattern_colours(rng)
    reach, wide = rng.uniform(0.38, 0.46), rng.uniform(0.085, 0.115)
    count = rng.choice((4, 4, 4, 3, 5))
    cloth = box(0, -reach, wide, -0.09)
    slats = [moved(box(0, 0, wide, 0.016), 0, 0.07 * step - reach) for step in range(1, 5)]
    slats.append(box(wide * 0.48, -reach, wide * 0.6, -0.09))
    for blade in range(count):
        arm = brush.at(0, hub, 1, turn + blade * 360 / count)
        arm.fill(box(-0.012, -reach - 0.01, 0.014, 0), colour("umber"), "blade", "wood")
        arm.fill(cloth, tones[0], "blade", "cloth")
        arm.fill(slats, darker(tones[0], 0.3), "blade", "wood", within=cloth)
    brush.fill(ellipse(0, hub, 0.04), colour("umber"), "hub", "wood")
    brush.fill(ellipse(-0.006, hub - 0.006, 0.02), tones[1], "hub", "metal")


def _brick_joints(rng: Random, wall: Outline, scale: float) -> list[Outline]:
    (left, top), (right, foot) = wall.min(axis=0), wall.max(axis=0)
    pitch, joint = 0.046 / scale, 0.01 / scale
    shift = -pitch * rng.random()
    levels = np.arange(foot, top, -pitch)
    beds = [box(left, level - joint, right, level) for level in levels]
    heads = [
        box(x, level - pitch, x + joint, level)
        for row, level in enumerate(levels)
        for x in np.arange(left + shift + (pitch if row % 2 else 0), right, pitch * 2)
    ]
    return beds + heads


def _plank_joints(rng: Random, wall: Outline, scale: float) -> list[Outline]:
    (left, top), (right, foot) = wall.min(axis=0), wall.max(axis=0)
    pitch, joint = 0.056 / scale, 0.011 / scale
    if rng.random() < 0.5:
        return [box(x, top, x + joint, foot) for x in np.arange(left + pitch, right, pitch)]
    return [box(left, y, right, y + joint) for y in np.arange(top + pitch, foot, pitch)]


def _field_stones(rng: Random, wall: Outline, scale: float) -> list[Outline]:
    (left, top), (right, foot) = wall.min(axis=0), wall.max(axis=0)
    size = 0.034 / scale
    return [
        moved(
            rounded(-size, -size * 0.6, size * rng.uniform(0.4, 1), size * 0.6, size * 0.5),
            rng.uniform(left, right),
            rng.uniform(top, foot),
        )
        for _ in range(16)
    ]


_JOINTS = {"brick": _brick_joints, "wood": _plank_joints, "stone": _field_stones}
