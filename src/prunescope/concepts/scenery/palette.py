"""Which colours go together?"""

from random import Random

Rgb = tuple[float, float, float]

_HEX = {
    "coral": "#F0705F",
    "tomato": "#D5463B",
    "brick": "#B4553F",
    "tangerine": "#F08F3E",
    "apricot": "#F8BB78",
    "mustard": "#E5B13A",
    "lemon": "#F7D65A",
    "lime": "#B5C95A",
    "leaf": "#73AF5C",
    "forest": "#3C7A52",
    "pine": "#28584B",
    "teal": "#2F8C8A",
    "aqua": "#74C8C0",
    "sky": "#93CDEB",
    "azure": "#4A9BD6",
    "cobalt": "#34609F",
    "navy": "#2A3A63",
    "lilac": "#BCA3DC",
    "violet": "#7E5CA8",
    "plum": "#643A68",
    "rose": "#F3A5B5",
    "raspberry": "#C5406F",
    "sand": "#EAD3A6",
    "cream": "#FBF2E0",
    "snow": "#FCFBF8",
    "caramel": "#B87F4B",
    "cocoa": "#80573D",
    "umber": "#573A2E",
    "stone": "#AEB4B4",
    "slate": "#6C7886",
    "charcoal": "#3B404C",
    "ink": "#23262F",
}

BODY = (
    "coral", "tomato", "brick", "tangerine", "apricot", "mustard", "lemon", "lime", "leaf",
    "forest", "teal", "aqua", "sky", "azure", "cobalt", "navy", "lilac", "violet", "plum",
    "rose", "raspberry", "sand", "cream", "snow", "caramel", "cocoa", "stone", "slate", "charcoal",
)  # fmt: skip
"""Colours that the body of anything may have, so that no colour gives its class away."""

PAIRS = (
    ("cream", "tomato"), ("snow", "cobalt"), ("lemon", "raspberry"), ("aqua", "navy"),
    ("rose", "plum"), ("apricot", "teal"), ("sky", "tangerine"), ("lilac", "lemon"),
    ("mustard", "forest"), ("coral", "cream"), ("azure", "snow"), ("lime", "pine"),
    ("sand", "brick"), ("violet", "rose"), ("charcoal", "mustard"), ("teal", "cream"),
    ("stone", "tomato"), ("caramel", "cream"), ("snow", "charcoal"), ("tangerine", "plum"),
)  # fmt: skip
"""Two colours for a pattern: the ground and the figure."""


def colour(name: str) -> Rgb:
    """Return a colour of the palette in sRGB, 0 to 255."""
    return from_hex(_HEX[name])


def from_hex(code: str) -> Rgb:
    """Return "#RRGGBB" in sRGB, 0 to 255."""
    red, green, blue = (float(int(code[start : start + 2], 16)) for start in (1, 3, 5))
    return red, green, blue


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return the first colour with a share, 0 to 1, of the second."""
    (r, g, b), (other_r, other_g, other_b) = first, second
    return r + (other_r - r) * share, g + (other_g - g) * share, b + (other_b - b) * share


def darker(tone: Rgb, share: float = 0.2) -> Rgb:
    """Return the colour with a share of a dark violet, as shade looks in daylight."""
    return mix(tone, (52.0, 40.0, 78.0), share)


def lighter(tone: Rgb, share: float = 0.25) -> Rgb:
    """Return the colour with a share of warm white."""
    return mix(tone, (255.0, 250.0, 236.0), share)


def jittered(tone: Rgb, rng: Random, spread: float = 9.0) -> Rgb:
    """Return a colour near the given one."""
    red, green, blue = (min(255.0, max(0.0, c + rng.gauss(0, spread))) for c in tone)
    return red, green, blue


def body_colour(rng: Random) -> Rgb:
    """Return any body colour, slightly varied."""
    return jittered(colour(rng.choice(BODY)), rng)


def pattern_colours(rng: Random) -> tuple[Rgb, Rgb]:
    """Return ground and figure of a pattern, either way round, slightly varied."""
    ground, figure = rng.choice(PAIRS)
    if rng.random() < 0.35:
        ground, figure = figure, ground
    return jittered(colour(ground), rng), jittered(colour(figure), rng)
