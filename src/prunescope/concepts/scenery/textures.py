"""Which patterns can a surface carry, and of which outlines do they consist?"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from prunescope.concepts.scenery.geometry import (
    Number,
    Outline,
    box,
    ellipse,
    moved,
    polygon,
    ribbon,
    turned,
)

Corner = Float[np.ndarray, " 2"]

FABRICS = ("striped", "zigzagged", "grid", "lozenged")
"""The textures of cloth and paper; the others are at home on fish, mushrooms and floors."""

_UPRIGHT = ("scaly", "lozenged")


def pattern(
    name: str, low: Corner, high: Corner, pitch: float, turn: Number = 0.0
) -> list[Outline]:
    """Return the figures of a texture that cover the box from `low` to `high`.

    pitch: distance at which the pattern repeats. turn: degrees, around the middle of the box;
        scales and lozenges always stand upright.
    """
    middle = (low + high) / 2
    half = (high - low) / 2
    upright = turn == 0 or name in _UPRIGHT
    reach = half if upright else np.full(2, float(np.linalg.norm(half)))
    figures = _PATTERNS[name](reach + pitch / 2, pitch)
    if not upright:
        figures = [turned(figure, turn) for figure in figures]
    return [figure + middle for figure in figures]


def _steps(reach: float, pitch: float) -> list[float]:
    count = int(np.ceil(reach / pitch))
    return [step * pitch for step in range(-count, count + 1)]


def _striped(reach: Corner, pitch: float) -> list[Outline]:
    return [box(x - pitch / 4, -reach[1], x + pitch / 4, reach[1]) for x in _steps(reach[0], pitch)]


def _polka_dotted(reach: Corner, pitch: float) -> list[Outline]:
    rows = _steps(reach[1], pitch * 0.8)
    return [
        ellipse(x + (pitch / 2 if row % 2 else 0), y, pitch * 0.27)
        for row, y in enumerate(rows)
        for x in _steps(reach[0], pitch)
    ]


def _chequered(reach: Corner, pitch: float) -> list[Outline]:
    half = pitch / 2
    rows = _steps(reach[1], half)
    return [
        box(x + shift, y, x + shift + half, y + half)
        for row, y in enumerate(rows)
        for shift in [half if row % 2 else 0.0]
        for x in _steps(reach[0], pitch)
    ]


def _zigzagged(reach: Corner, pitch: float) -> list[Outline]:
    xs = np.array(_steps(reach[0] + pitch, pitch / 2))
    swing = np.where(np.arange(len(xs)) % 2, pitch / 4, -pitch / 4)
    return [
        np.concatenate(
            [
                np.stack([xs, y + swing - pitch / 5], axis=1),
                np.stack([xs, y + swing + pitch / 5], axis=1)[::-1],
            ]
        )
        for y in _steps(reach[1], pitch * 0.85)
    ]


def _grid(reach: Corner, pitch: float) -> list[Outline]:
    width = pitch * 0.13
    upright = [box(x - width, -reach[1], x + width, reach[1]) for x in _steps(reach[0], pitch)]
    level = [box(-reach[0], y - width, reach[0], y + width) for y in _steps(reach[1], pitch)]
    return upright + level


def _scaly(reach: Corner, pitch: float) -> list[Outline]:
    angles = np.linspace(0, np.pi, 9)
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (pitch / 2, pitch / 2)
    scale = ribbon(arc, pitch * 0.16)
    return [
        moved(scale, x + (pitch / 2 if row % 2 else 0), y)
        for row, y in enumerate(_steps(reach[1], pitch / 2))
        for x in _steps(reach[0], pitch)
    ]


def _lozenged(reach: Corner, pitch: float) -> list[Outline]:
    half, tall = pitch * 0.5, pitch * 0.75
    lozenge = polygon([(-half, 0), (0, -tall), (half, 0), (0, tall)])
    return [
        moved(lozenge, x, y) for y in _steps(reach[1], 2 * tall) for x in _steps(reach[0], pitch)
    ]


_PATTERNS: dict[str, Callable[[Corner, float], list[Outline]]] = {
    "striped": _striped,
    "polka-dotted": _polka_dotted,
    "chequered": _chequered,
    "zigzagged": _zigzagged,
    "grid": _grid,
    "scaly": _scaly,
    "lozenged": _lozenged,
}
