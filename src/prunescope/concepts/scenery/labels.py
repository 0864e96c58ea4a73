"""Which concepts are in the pictures, and where in a picture does each lie?"""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from prunescope.concepts.scenery.palette import COLOUR_TERMS
from prunescope.concepts.scenery.patterns import PATTERNS
from prunescope.concepts.scenery.picture import KINDS, PLACES, PROPS, Picture

CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
"""Broden's categories, in the order of its columns."""

PLANES = ("color", "object_1", "object_2", "part", "material", "scene_1", "scene_2", "texture")
"""The label maps of a picture: a category, numbered where it has two."""

_WIDER = {
    "house": "building", "windmill": "building", "aeroplane": "vehicle", "balloon": "vehicle",
    "car": "vehicle", "sailboat": "vehicle", "bush": "plant", "cactus": "plant", "flower": "plant",
    "seaweed": "plant", "tree": "plant", "bird": "animal", "fish": "animal",
}  # fmt: skip
_SKETCHES = [sketch for thing in (*KINDS.values(), *PROPS.values()) for sketch in thing.sketch]
_PIECES = [piece for alternatives in _SKETCHES for pieces in alternatives for piece in pieces]
_NAMES: dict[str, set[Any]] = {
    "color": {*COLOUR_TERMS},
    "object": {*_WIDER.values(), *(piece.thing for piece in _PIECES)},
    "part": {piece.part for piece in _PIECES},
    "material": {piece.material for piece in _PIECES},
    "scene": {f"{scene}-s" for scene in (*PLACES, "night")},
    "texture": {texture for texture, _ in PATTERNS.values()},
}
VOCABULARY = tuple(
    (category, name) for category, names in _NAMES.items() for name in sorted(names - {None})
)
"""Category and name of every concept; concept i is at index i - 1, and 0 means none."""

_CONCEPTS: dict[str | None, int] = {name: i for i, (_, name) in enumerate(VOCABULARY, start=1)}
_CONCEPTS[None] = 0
_TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
_D65 = _TO_XYZ.sum(axis=1)


def label_planes(picture: Picture) -> UInt8[np.ndarray, "plane cell_row cell_column"]:
    """Return the label maps of a picture in the order of PLANES: concepts, 0 where none."""
    scenes = [f"{scene}-s" for scene in picture.scenes] + [None]
    names = [
        (ink.thing, _WIDER.get(ink.thing or ""), ink.part, ink.material, *scenes[:2], ink.texture)
        for ink in picture.inks
    ]
    concepts = np.array([[_CONCEPTS[name] for name in row] for row in names], dtype=np.uint8)
    planes = np.moveaxis(concepts[picture.cells], -1, 0)
    return np.concatenate([colour_plane(picture.pixels)[None], planes])


def colour_plane(
    pixels: UInt8[np.ndarray, "height width 3"],
) -> UInt8[np.ndarray, "cell_row cell_column"]:
    """Return the colour name of each block of 2 x 2 pixels.

    The block's mean in sRGB is converted to CIELAB (D65) and named after the nearest prototype.
    """
    height, width, _ = pixels.shape
    means = pixels.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    distances = (_PROTOTYPES**2).sum(axis=1) - 2 * _to_lab(means) @ _PROTOTYPES.T
    concepts = np.array([_CONCEPTS[name] for name in COLOUR_TERMS], dtype=np.uint8)
    return np.asarray(concepts[distances.argmin(axis=-1)])


def _to_lab(colours: Float[np.ndarray, "*_ 3"]) -> Float[np.ndarray, "*_ 3"]:
    """Convert sRGB, 0 to 255, to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _D65
    bent = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(bent, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


_PROTOTYPES = _to_lab(np.array(list(COLOUR_TERMS.values()), dtype=np.float64))
