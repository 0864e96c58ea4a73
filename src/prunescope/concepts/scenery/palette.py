"""Which colours go together, and how does the time of day change them?"""

from functools import cache
from random import Random

import numpy as np
from jaxtyping import Float
from PIL import ImageColor

Rgb = Float[np.ndarray, "3"]
"""A colour in sRGB, 0 to 255."""
Mood = dict[str, Rgb]
"""The colours of light sources and sky, and the "tint" that the light gives to white."""

COLOUR_TERMS = {
    "black-c": (20, 20, 20), "blue-c": (45, 95, 190), "brown-c": (110, 72, 42),
    "grey-c": (125, 125, 125), "green-c": (60, 130, 55), "orange-c": (235, 130, 35),
    "pink-c": (235, 150, 175), "purple-c": (120, 65, 150), "red-c": (185, 35, 40),
    "white-c": (245, 245, 245), "yellow-c": (235, 210, 55),
}  # fmt: skip
"""Prototypes in sRGB of the eleven basic colour terms, as Broden's category color names them."""

_HEX = {
    "coral": "#F0705F", "tomato": "#D5463B", "brick": "#B4553F", "tangerine": "#F08F3E",
    "apricot": "#F8BB78", "mustard": "#E5B13A", "lemon": "#F7D65A", "lime": "#B5C95A",
    "leaf": "#73AF5C", "forest": "#3C7A52", "pine": "#28584B", "teal": "#2F8C8A",
    "aqua": "#74C8C0", "sky": "#93CDEB", "azure": "#4A9BD6", "cobalt": "#34609F",
    "navy": "#2A3A63", "lilac": "#BCA3DC", "violet": "#7E5CA8", "plum": "#643A68",
    "rose": "#F3A5B5", "raspberry": "#C5406F", "sand": "#EAD3A6", "cream": "#FBF2E0",
    "snow": "#FCFBF8", "caramel": "#B87F4B", "cocoa": "#80573D", "umber": "#573A2E",
    "stone": "#AEB4B4", "slate": "#6C7886", "charcoal": "#3B404C", "ink": "#23262F",
}  # fmt: skip
_GROUPS = {
    "accent": " ".join(_HEX),
    "greens": "leaf forest lime teal",
    "leaves": "leaf forest lime pine teal tangerine mustard tomato rose raspberry aqua lilac",
}
_PAIRS = (
    "cream tomato", "snow cobalt", "lemon raspberry", "aqua navy", "rose plum", "apricot teal",
    "sky tangerine", "lilac lemon", "mustard forest", "coral cream", "azure snow", "lime pine",
    "sand brick", "violet rose", "charcoal mustard", "teal cream", "stone tomato",
    "caramel cream", "snow charcoal", "tangerine plum",
)  # fmt: skip
_DAYS = (  # zenith, horizon, sun, panes, tint
    "#6DB9E8 #D8F0F4 #FFE27A #34609F #FFFFFF", "#8FD0CF #F3F3D6 #FFD76B #34609F #FFFDF4",
    "#5AA3DB #BFE3F3 #FFF0B0 #34609F #FFFFFF", "#F6B871 #FDEBC8 #F2703F #34609F #FFF0DA",
    "#F49E8E #FCE1BC #FFF1C4 #34609F #FFEBDC", "#6C6BB0 #F6AFA2 #FFD9A0 #34609F #F6DFE2",
    "#B9A7DD #FBD9DC #FFF3D6 #34609F #FBEDF4", "#9FB3C2 #DCE3E6 #F3F1E4 #34609F #E9EDF2",
)  # fmt: skip
_NIGHTS = (
    "#1A2350 #4C66A8 #FBF1CE #F7D65A #98A6D8", "#241F4C #7B5299 #FFE9C9 #F7D65A #B09CD2",
    "#10344A #3C8391 #F4F3D9 #F7D65A #8FBCC8",
)  # fmt: skip


def pick_mood(rng: Random, *, night: bool) -> Mood:
    """Return a mood of the night, or one from dawn to dusk under a clear or a grey sky."""
    tones = map(_rgb, rng.choice(_NIGHTS if night else _DAYS).split())
    mood = dict(zip(("zenith", "horizon", "orb", "pane", "tint"), tones, strict=True))
    return mood | {"below": mix(mood["zenith"], mood["horizon"], 1.45)}


def pick(rng: Random, names: str) -> Rgb:
    """Return one of the named colours, or of the named group, slightly varied."""
    code = _HEX[rng.choice(_GROUPS.get(names, names).split())]
    return np.asarray(_rgb(code) + [rng.gauss(0, 7) for _ in range(3)])


def pick_pair(rng: Random) -> tuple[Rgb, Rgb]:
    """Return ground and figure of a pattern, either way round, slightly varied."""
    ground, figure = rng.sample(rng.choice(_PAIRS).split(), 2)
    return pick(rng, ground), pick(rng, figure)


def mix(first: Rgb, second: Rgb, share: float | int) -> Rgb:
    """Return the first colour with a share, usually 0 to 1, of the second."""
    return np.asarray(first + (second - first) * share)


def darker(tone: Rgb) -> Rgb:
    """Return the colour mixed with dark violet, as in the shade in daylight."""
    return mix(tone, _rgb("#34284E"), 0.2)


def lighter(tone: Rgb) -> Rgb:
    """Return the colour mixed with warm white."""
    return mix(tone, _rgb("#FFFAEC"), 0.25)


@cache
def _rgb(code: str) -> Rgb:
    return np.array(ImageColor.getrgb(code), dtype=np.float64)
