"""Which concepts are in the pictures, and where in a picture does each lie?"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from prunescope.concepts.scenery.canvas import Ink
from prunescope.concepts.scenery.picture import Picture

CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
"""Broden's categories, in the order of its columns."""

PLANES = ("color", "object_1", "object_2", "part", "material", "texture")
"""The label maps of a picture: a category, numbered where it has two."""

_COLOURS = {  # prototypes in sRGB
    "black-c": (20, 20, 20),
    "blue-c": (45, 95, 190),
    "brown-c": (110, 72, 42),
    "grey-c": (125, 125, 125),
    "green-c": (60, 130, 55),
    "orange-c": (235, 130, 35),
    "pink-c": (235, 150, 175),
    "purple-c": (120, 65, 150),
    "red-c": (185, 35, 40),
    "white-c": (245, 245, 245),
    "yellow-c": (235, 210, 55),
}
_WIDER = {
    "building": ("house", "windmill"),
    "vehicle": ("aeroplane", "balloon", "car", "sailboat"),
    "plant": ("bush", "cactus", "flower", "seaweed", "tree"),
    "animal": ("bird", "fish"),
}
_NAMES = {
    "color": tuple(_COLOURS),
    "object": (
        "aeroplane", "animal", "ball", "balloon", "beach", "bird", "bubble", "building", "bush",
        "cactus", "canal", "car", "cloud", "coral", "dune", "fence", "fish", "floor", "flower",
        "grass", "hill", "house", "island", "lake", "lamp", "luggage", "moon", "mountain",
        "mushroom", "path", "pavement", "picture", "plant", "pot", "road", "rock", "rug",
        "sailboat", "sea", "seabed", "seaweed", "skirting", "sky", "smoke", "snow", "star", "sun",
        "toy blocks", "tree", "vehicle", "wallpaper", "windmill",
    ),
    "part": (
        "balcony", "basket", "blade", "bodywork", "bumper", "chimney", "crown",
        "door", "engine", "envelope", "eye", "fin", "flag", "flower heart", "fruit", "fuselage",
        "gills", "head", "headlight", "hub", "hull", "leaf", "mast", "petal", "propeller", "roof",
        "rope", "sail", "stem", "tail", "trunk", "wall", "wheel", "window", "wing",
    ),
    "material": (
        "asphalt", "brick", "ceramic", "cloth", "concrete", "foliage", "glass", "leather", "metal",
        "paper", "plaster", "rubber", "sand", "stone", "tile", "water", "wicker", "wood",
    ),
    "scene": (
        "beach-s", "canal-s", "desert-s", "lake-s", "meadow-s", "mountain lake-s", "night-s",
        "playroom-s", "reef-s", "sea-s", "sky-s", "snowfield-s", "street-s",
    ),
    "texture": (
        "chequered", "grid", "lozenged", "polka-dotted", "scaly", "striped", "zigzagged",
    ),
}  # fmt: skip

VOCABULARY = tuple((category, name) for category in CATEGORIES for name in _NAMES[category])
"""Category and name of every concept; concept i stands at i - 1, and 0 means none."""

_CONCEPTS = {name: concept for concept, (_, name) in enumerate(VOCABULARY, start=1)}
_WIDER_OF = {thing: wider for wider, things in _WIDER.items() for thing in things}
_D65 = np.array([0.95047, 1.0, 1.08883])
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def label_planes(picture: Picture) -> UInt8[np.ndarray, "plane cell_row cell_column"]:
    """Return the label maps of a picture in the order of PLANES: concepts, 0 where none."""
    readings: tuple[Callable[[Ink], str | None], ...] = (
        lambda ink: ink.thing,
        lambda ink: _WIDER_OF.get(ink.thing or ""),
        lambda ink: ink.part,
        lambda ink: ink.material,
        lambda ink: ink.texture,
    )
    tables = [[_concept(reading(ink)) for ink in picture.inks] for reading in readings]
    planes = np.array(tables, dtype=np.uint8)[:, picture.cells]
    return np.concatenate([colour_plane(picture.pixels)[None], planes])


def scene_concepts(picture: Picture) -> tuple[int, ...]:
    """Return the concepts of the scenes, each of which fills the whole picture."""
    return tuple(_CONCEPTS[f"{scene}-s"] for scene in picture.scenes)


def colour_plane(
    pixels: UInt8[np.ndarray, "height width 3"],
) -> UInt8[np.ndarray, "cell_row cell_column"]:
    """Return the colour name of each block of 2 x 2 pixels.

    The block's mean in sRGB is taken to CIELAB (D65) and given the nearest of eleven prototypes.
    """
    corners = [pixels[row::2, column::2].astype(np.float64) for row in (0, 1) for column in (0, 1)]
    means = sum(corners[1:], start=corners[0]) / 4
    lab = _to_lab(means.reshape(-1, 3))
    prototypes = _to_lab(np.array(list(_COLOURS.values()), dtype=np.float64))
    distances = (prototypes**2).sum(axis=1) - 2 * lab @ prototypes.T
    nearest = distances.argmin(axis=1).reshape(means.shape[:2])
    plane: UInt8[np.ndarray, "cell_row cell_column"] = (nearest + 1).astype(np.uint8)
    return plane


def _concept(name: str | None) -> int:
    return 0 if name is None else _CONCEPTS[name]


def _to_lab(colours: Float[np.ndarray, "colour 3"]) -> Float[np.ndarray, "colour 3"]:
    """Take sRGB, 0 to 255, to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _D65
    bent = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
