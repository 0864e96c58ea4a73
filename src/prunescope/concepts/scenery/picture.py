"""What is in the picture of a given seed, split, class and number?"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from prunescope.base.seeding import derive_seed
from prunescope.concepts.scenery import landscapes, places, props
from prunescope.concepts.scenery.animals import bird, fish
from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.buildings import house, windmill
from prunescope.concepts.scenery.canvas import Canvas, Ink
from prunescope.concepts.scenery.cars import car
from prunescope.concepts.scenery.craft import aeroplane, balloon, sailboat
from prunescope.concepts.scenery.flowers import flower, mushroom
from prunescope.concepts.scenery.geometry import Placement, ellipse
from prunescope.concepts.scenery.moods import Mood, day, night
from prunescope.concepts.scenery.stage import Setting, Stage, cloud_tone
from prunescope.concepts.scenery.trees import tree


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A class of main things.

    habit: how it keeps its place. size: its usual size in canvas widths.
    haunts: where it is found, and how often.
    """

    draw: Callable[[Brush, Random], None]
    habit: Literal["stands", "floats", "flies", "swims"]
    size: float
    haunts: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn picture: its pixels, its scenes, and the ink of every label cell."""

    pixels: UInt8[np.ndarray, "height width 3"]
    scenes: tuple[str, ...]
    cells: UInt8[np.ndarray, "cell_row cell_column"]
    inks: tuple[Ink, ...]


_LAND = {
    "meadow": 4,
    "city": 3,
    "desert": 3,
    "snow": 3,
    "night": 3,
    "playroom": 4,
    "sea": 3,
    "sky": 2,
}
_SUNKEN = _LAND | {"reef": 1}
_WATER = {"meadow": 4, "city": 3, "snow": 3, "night": 3, "playroom": 3, "sea": 6, "reef": 1}
_AIR = {
    "meadow": 3,
    "city": 3,
    "desert": 3,
    "snow": 2,
    "night": 3,
    "playroom": 3,
    "sea": 3,
    "sky": 5,
}
_FISHING = {"reef": 6, "sea": 4, "meadow": 3, "city": 1, "snow": 1, "night": 3, "playroom": 3}
KINDS = {
    "aeroplane": Kind(draw=aeroplane, habit="flies", size=0.72, haunts=_AIR),
    "balloon": Kind(draw=balloon, habit="flies", size=0.66, haunts=_AIR),
    "car": Kind(draw=car, habit="stands", size=0.68, haunts=_LAND),
    "fish": Kind(draw=fish, habit="swims", size=0.62, haunts=_FISHING),
    "flower": Kind(draw=flower, habit="stands", size=0.66, haunts=_LAND),
    "house": Kind(draw=house, habit="stands", size=0.6, haunts=_SUNKEN),
    "mushroom": Kind(draw=mushroom, habit="stands", size=0.62, haunts=_SUNKEN),
    "sailboat": Kind(draw=sailboat, habit="floats", size=0.66, haunts=_WATER),
    "tree": Kind(draw=tree, habit="stands", size=0.68, haunts=_LAND),
    "windmill": Kind(draw=windmill, habit="stands", size=0.68, haunts=_SUNKEN),
}
"""The classes by name, in the order of their numbers."""

_PLACES: dict[str, Callable[[Setting], Stage]] = {
    "meadow": landscapes.meadow,
    "sea": landscapes.sea,
    "desert": landscapes.desert,
    "snow": landscapes.snowfield,
    "city": places.city,
    "reef": places.reef,
    "sky": places.heights,
    "playroom": places.playroom,
}
_BY_WATER = ("meadow", "sea", "city", "snow")
_BELOW = {"balloon": 0.5, "aeroplane": 0.3, "fish": 0.3}  # from a thing's middle to its foot


def draw_picture(*, seed: int, split: str, name: str, number: int, size: int) -> Picture:
    """Draw picture `number` of a class in a split, `size` pixels wide and high.

    The same arguments give the same bytes.
    """
    rng, kind = Random(derive_seed(seed, "scenes", split, name, number)), KINDS[name]
    [haunt] = rng.choices(list(kind.haunts), list(kind.haunts.values()))
    wet = kind.habit in ("floats", "swims")
    by_night = _BY_WATER if wet else (*_BY_WATER, "desert")
    mood, place = (night(rng), rng.choice(by_night)) if haunt == "night" else (day(rng), haunt)
    afloat = place in _BY_WATER and (wet or (kind.habit == "flies" and rng.random() < 0.3))
    canvas = Canvas(size)
    brush = Brush(canvas=canvas, place=Placement(), air=mood.horizon, lamps=mood.lamps)
    setting = Setting(brush=brush, rng=rng, mood=mood, afloat=afloat)
    stage = _PLACES[place](setting)
    _draw_distant(setting, stage, place)
    _draw_main(setting, stage, name, place)
    pixels = _developed(canvas, mood, stage, rng)
    scenes = (stage.scene, "night") if mood.lamps else (stage.scene,)
    return Picture(pixels=pixels, scenes=scenes, cells=canvas.cells(), inks=canvas.inks)


def _draw_distant(setting: Setting, stage: Stage, place: str) -> None:
    """Draw small things of any class far off, and birds."""
    rng = setting.rng
    habits = {"reef": {"swims"}, "sky": {"flies"}, "playroom": {"stands"}}.get(
        place, {"flies", "floats"} if setting.afloat else {"flies", "stands"}
    )
    others = [name for name, kind in KINDS.items() if kind.habit in habits]
    for other in rng.choices(others, k=rng.choice((0, 1, 2, 2, 3))):
        grounded = KINDS[other].habit in ("stands", "floats")
        spot = Placement(
            x=rng.uniform(0.05, 0.95),
            y=stage.far if grounded else rng.uniform(0.1, 0.5),
            scale=rng.uniform(0.12, 0.2),
            mirrored=rng.random() < 0.5,
        )
        haze = 0.0 if place in ("reef", "playroom") else 0.22
        KINDS[other].draw(setting.brush.on(other, spot, haze), rng)
    if place not in ("reef", "playroom") and rng.random() < 0.3:
        for _ in range(3):
            x, y, scale = rng.random(), rng.uniform(0.1, 0.4), rng.uniform(0.04, 0.07)
            bird(setting.on("bird", x, y, scale, 0.2), rng)


def _draw_main(setting: Setting, stage: Stage, name: str, place: str) -> None:
    rng, kind = setting.rng, KINDS[name]
    scale, x = kind.size * rng.uniform(0.76, 1.24), rng.uniform(0.28, 0.72)
    leaps = kind.habit == "swims" and place in _BY_WATER
    aloft = not leaps and kind.habit in ("flies", "swims") and place != "playroom"
    y = rng.uniform(0.34, 0.6) if aloft else stage.near - scale * _BELOW.get(name, 0.0)
    if leaps:
        y = stage.near - scale * 0.18
    elif place == "sky" and kind.habit == "stands":
        places.floating_island(setting, x, y, min(0.9, scale * 1.25))
    elif not aloft and stage.ground is not None:
        shadow = ellipse(x + 0.05, stage.near + 0.005, scale * 0.52, 0.03)
        setting.brush.shine(shadow, -0.3, stage.ground)
    mirrored = rng.random() < 0.5
    turn = rng.uniform(-3, 3) if kind.habit in ("stands", "floats") else rng.uniform(-20, 10)
    turn -= 25 if leaps else 0
    spot = Placement(x=x, y=y, scale=scale, turn=-turn if mirrored else turn, mirrored=mirrored)
    kind.draw(setting.brush.on(name, spot), rng)
    if setting.afloat and not aloft:
        stage.front(x, stage.near + (0.0 if leaps else 0.015))
    elif rng.random() < 0.5:
        beside = x + rng.choice((-1, 1)) * rng.uniform(0.05, 0.3)
        _draw_before(setting, stage, beside, y + scale * 0.4 if aloft and place != "reef" else None)


def _draw_before(setting: Setting, stage: Stage, x: float, level: float | None) -> None:
    """Half hide the main thing: behind a cloud at a level in the air, else behind what is there."""
    if level is None:
        stage.front(x, stage.near)
    else:
        cloud = setting.on("cloud", x, level, setting.rng.uniform(0.22, 0.36))
        props.cloud(cloud, setting.rng, cloud_tone(setting.mood))


def _developed(
    canvas: Canvas, mood: Mood, stage: Stage, rng: Random
) -> UInt8[np.ndarray, "height width 3"]:
    """Add what the eye and the film add: a glow around the sun, darker corners, grain."""
    colours = canvas.colours(mood.tint)
    steps = (np.arange(canvas.size, dtype=np.float32) + 0.5) / canvas.size
    if stage.orb is not None:
        across, down = (np.exp(-((steps - centre) ** 2) / 0.06) for centre in stage.orb)
        glow = 0.36 * mood.glow * np.outer(down, across)[..., None]
        colours += glow * (np.array(mood.orb, dtype=np.float32) - colours)
    edge = 1 - 0.16 * (steps - 0.5) ** 2
    colours *= np.outer(edge, edge)[..., None]
    generator = np.random.default_rng(rng.getrandbits(63))
    grain = generator.standard_normal((canvas.size, canvas.size, 1), dtype=np.float32)
    colours += grain * rng.uniform(0.8, 2.6)
    pixels: UInt8[np.ndarray, "height width 3"] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return pixels
