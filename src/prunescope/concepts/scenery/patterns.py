"""Which patterns can a surface have, and which points do their figures cover?"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

Axis = Float[np.ndarray, "row column"]
Mask = Bool[np.ndarray, "row column"]

FABRICS = "striped,layered,zigzagged,grid,lozenged"
"""The patterns of cloth and paper."""


def _chequered(u: Axis, v: Axis) -> Mask:
    return np.asarray((u % 1 < 0.5) ^ (v % 1 < 0.5))


def _dots(u: Axis, v: Axis, radius: float = 0.28) -> Mask:
    row = np.floor(v / 0.8)
    across, down = (u + row / 2) % 1 - 0.5, v - 0.8 * row - 0.4
    return np.asarray(across**2 + down**2 < radius**2)


def _scales(u: Axis, v: Axis) -> Mask:
    row = np.floor(2 * v)
    return np.asarray(np.abs(np.hypot((u + row / 2) % 1 - 0.5, v - row / 2) - 0.45) < 0.1)


def _panes(u: Axis, v: Axis, every: int = 1) -> Mask:
    lit = (5 * np.floor(u) + 3 * np.floor(v)) % every == 0
    return np.asarray(lit & (np.abs(u % 1 - 0.5) < 0.24) & (np.abs(v % 1 - 0.5) < 0.26))


def _gores(u: Axis, v: Axis) -> Mask:
    """Cover every other meridian of a balloon."""
    sine = u / 0.37 / np.sqrt(np.maximum(1 - ((v + 0.12) / 0.45) ** 2, 0.01))
    return np.asarray(np.arcsin(np.clip(sine, -1, 1)) * 4 / np.pi % 1 < 0.5)


def _ripples(u: Axis, v: Axis) -> Mask:
    height = 3 * v + np.sin(6 * u) / 8
    return np.asarray(height % 1 < 0.2 * ((u / 2 + 0.6 * np.floor(height)) % 1) - 0.04)


def _tiles(u: Axis, v: Axis) -> Mask:
    """Cover every other tile of a floor that is farthest at v = 0."""
    return _chequered(u / (v + 0.15), 3 * np.log(np.maximum(v, 0) + 0.15))


PATTERNS: dict[str, tuple[str | None, Callable[[Axis, Axis], Mask]]] = {
    "plain": (None, lambda u, _: np.zeros_like(u, dtype=bool)),
    "striped": ("striped", lambda u, _: u % 1 < 0.5),
    "layered": ("striped", lambda _, v: v % 1 < 0.5),
    "zigzagged": ("zigzagged", lambda u, v: (v + np.abs(u % 1 - 0.5)) % 0.8 < 0.4),
    "grid": ("grid", lambda u, v: (u % 1 < 0.27) | (v % 1 < 0.27)),
    "lozenged": ("lozenged", lambda u, v: np.abs(u % 1 - 0.5) + np.abs(v / 1.5 % 1 - 0.5) < 0.5),
    "polka-dotted": ("polka-dotted", _dots),
    "chequered": ("chequered", _chequered),
    "scaly": ("scaly", _scales),
    "gores": ("striped", _gores),
    "tiles": ("chequered", _tiles),
    "bricks": (None, lambda u, v: (v % 1 < 0.22) | ((u / 2 + np.floor(v) / 2) % 1 < 0.11)),
    "planks": (None, lambda u, _: u % 1 < 0.16),
    "boards": (None, lambda u, v: (u / (v + 0.3) * 1.6) % 1 < 0.06),
    "panes": (None, _panes),
    "lit-panes": (None, lambda u, v: _panes(u, v, every=4)),
    "specks": (None, lambda u, v: _dots(u, v * 2, 0.1)),
    "ripples": (None, _ripples),
}
"""By name, a pattern's texture, and whether it covers (u, v); see `Piece` for the units."""
