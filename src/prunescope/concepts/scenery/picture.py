"""What is in the picture of a given seed, split, class and number?"""

from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from prunescope.base.seeding import derive_seed
from prunescope.concepts.scenery.canvas import Canvas, Ink
from prunescope.concepts.scenery.geometry import oval
from prunescope.concepts.scenery.notation import read_things
from prunescope.concepts.scenery.painter import Painter
from prunescope.concepts.scenery.palette import pick_mood

KINDS = read_things(Path(__file__).with_name("classes.txt"))
"""The classes by name, in the order of their numbers."""

PROPS = read_things(Path(__file__).with_name("props.txt"))
"""The other things in the pictures, by name."""


class Place(NamedTuple):
    """A setting, by the names of what is drawn there, from back to front.

    level: roughly where the ground begins. front: things that may half hide the main thing.
    """

    level: float
    behind: str
    far: dict[str, int]
    ground: str
    front: tuple[str, ...]


_TOWN = {"building:far": 4, "building": 4}
PLACES = {
    "meadow": Place(0.64, "sky", {"hill": 2}, "grass", ("bush", "fence")),
    "beach": Place(0.72, "sky", {}, "beach", ("rock",)),
    "desert": Place(0.66, "sky", {"mountain:flat": 2, "dune:far": 1}, "dune", ("cactus", "rock")),
    "snowfield": Place(0.66, "sky", {"mountain": 3}, "snow", ("rock",)),
    "street": Place(0.7, "sky", _TOWN, "road", ("lamp", "bush")),
    "sky": Place(1.0, "sky", {"cloud:bank": 4}, "cloud:bank", ("cloud",)),
    "lake": Place(0.64, "sky", {"hill": 2}, "lake", ("wave",)),
    "sea": Place(0.56, "sky", {"island": 1}, "sea", ("wave",)),
    "mountain lake": Place(0.64, "sky", {"mountain": 3}, "lake", ("wave",)),
    "canal": Place(0.7, "sky", _TOWN, "canal", ("wave",)),
    "reef": Place(0.74, "sea:deep", {"rock": 1, "coral": 2, "bubble": 1}, "seabed", ("seaweed",)),
    "playroom": Place(0.72, "wallpaper", {"picture": 1}, "floor", ("ball", "toy blocks")),
}
"""The settings by the names of their scenes."""

_LAND = ("meadow", "beach", "desert", "snowfield", "street", "playroom", "sky")
_WATER = ("lake", "sea", "mountain lake", "canal")
_HAUNTS = {
    "stands": (*_LAND * 2, "reef"),
    "floats": (*_WATER * 2, "playroom", "reef"),
    "flies": (*_LAND * 2, *_WATER),
    "swims": (*_WATER, *["reef"] * 4, "playroom", "playroom"),
}
_DISTANT = {"reef": ("swims",), "sky": ("flies",), "playroom": ("stands",)}


class Picture(NamedTuple):
    """A drawn picture: its pixels, its scenes, and the ink of every label cell."""

    pixels: UInt8[np.ndarray, "height width 3"]
    scenes: tuple[str, ...]
    cells: UInt8[np.ndarray, "cell_row cell_column"]
    inks: tuple[Ink, ...]


def draw_picture(*, seed: int, split: str, name: str, number: int, size: int) -> Picture:
    """Draw picture `number` of a class in a split, `size` pixels wide and high.

    The same arguments give the same bytes.
    """
    rng, canvas = Random(derive_seed(seed, "scenes", split, name, number)), Canvas(size)
    scene = rng.choice(_HAUNTS[KINDS[name].habit])
    night = PLACES[scene].behind == "sky" and rng.random() < 0.18
    scenes = (scene, "night") if night else (scene,)
    painter = Painter(canvas, rng, pick_mood(rng, night=night))
    _draw_place(painter, rng, scenes)
    _draw_distant(painter, rng, scene)
    _draw_main(painter, rng, scene, name)
    pixels = _developed(canvas.colours(), rng)
    return Picture(pixels=pixels, scenes=scenes, cells=canvas.cells(), inks=canvas.inks)


def _draw_place(painter: Painter, rng: Random, scenes: tuple[str, ...]) -> None:
    place = PLACES[scenes[0]]
    _put(painter, rng, place.behind, 0.5, 0.5)
    if place.behind == "sky":
        if "night" in scenes:
            _put(painter, rng, "star", 0.5, 0.3)
        if rng.random() < 0.65:
            orb = "moon" if "night" in scenes else "sun"
            _put(painter, rng, orb, rng.uniform(0.12, 0.88), rng.uniform(0.12, 0.4))
        for _ in range(rng.choice((0, 1, 2, 3))):
            _put(painter, rng, "cloud", rng.random(), rng.uniform(0.1, 0.42))
        for _ in range(rng.choice((0, 0, 2, 3))):
            _put(painter, rng, "bird", rng.random(), rng.uniform(0.1, 0.4))
    for prop, count in place.far.items():
        for step in range(count):
            _put(painter, rng, prop, (step + rng.random()) / count, place.level)
    _put(painter, rng, place.ground, rng.uniform(0.4, 0.6), place.level)


def _draw_distant(painter: Painter, rng: Random, scene: str) -> None:
    """Draw small things of any class in the distance."""
    habits = _DISTANT.get(scene, ("flies", "floats" if scene in _WATER else "stands"))
    others = [kind for kind in KINDS.values() if kind.habit in habits]
    for kind in rng.choices(others, k=rng.choice((0, 1, 2))):
        grounded = kind.habit in ("stands", "floats")
        y = PLACES[scene].level + 0.05 if grounded else rng.uniform(0.1, 0.5)
        painter.draw(kind, rng.random(), y, rng.uniform(0.13, 0.2))


def _draw_main(painter: Painter, rng: Random, scene: str, name: str) -> None:
    """Draw the thing that gives the class its name, and often something that half hides it."""
    kind, floor = KINDS[name], rng.uniform(0.84, 0.92)
    size, x, y, turn = rng.uniform(*kind.sizes), rng.uniform(0.28, 0.72), floor, rng.uniform(-3, 3)
    if kind.habit in ("flies", "swims") and scene != "playroom":
        y, turn = rng.uniform(0.34, 0.6), rng.uniform(-20, 10)
    elif scene == "sky":
        y -= 0.12
        _put(painter, rng, "island:afloat", x, y)
    else:
        painter.cast_shadow(oval(np.array([(x + 0.04, y), (size * 0.5, 0.03)])))
        y -= size * {"flies": 0.45, "swims": 0.3}.get(kind.habit, 0.0)
    painter.draw(kind, x, y, size, turn)
    front, level = rng.choice(PLACES[scene].front), floor + 0.04
    if kind.habit == "flies" and scene != "playroom":
        front, level = "cloud", y + size * 0.4
    if rng.random() < 0.5:
        _put(painter, rng, front, x + rng.uniform(-0.25, 0.25), level)


def _put(painter: Painter, rng: Random, name: str, x: float, y: float) -> None:
    """Draw a prop on a level."""
    painter.draw(PROPS[name], x, y - PROPS[name].rise, rng.uniform(*PROPS[name].sizes))


def _developed(
    colours: Float[np.ndarray, "height width 3"], rng: Random
) -> UInt8[np.ndarray, "height width 3"]:
    """Return the picture with the effects of film: darker corners and grain."""
    edge = 1 - 0.16 * np.linspace(-0.5, 0.5, len(colours)) ** 2
    noise = np.random.default_rng(rng.getrandbits(63)).standard_normal((*colours.shape[:2], 1))
    developed = colours * np.outer(edge, edge)[..., None] + noise * rng.uniform(0.8, 2.6)
    return np.clip(np.rint(developed), 0, 255).astype(np.uint8)
