"""Which outlines are the pictures made of, and where do they lie?

An outline is a closed polygon, one (x, y) row per point, y downward. Things are drawn in a frame
of their own, about one unit large, and a `Placement` carries them onto the canvas, whose width
and height are 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from jaxtyping import Float, Int64

Outline = Float[np.ndarray, "_ 2"]
Number = float | int
"""A real number: where types are checked as the program runs, an int is no float."""
Points = str | Sequence[tuple[Number, Number]] | Outline

_QUARTERS = (np.arange(4)[:, None] * 6 + np.arange(7)).ravel() % 24
_INWARD = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a thing stands: its origin, its size in canvas widths, its turn in degrees."""

    x: Number = 0.0
    y: Number = 0.0
    scale: Number = 1.0
    turn: Number = 0.0
    mirrored: bool = False

    def apply(self, outline: Outline) -> Outline:
        """Return an outline of the thing's frame in canvas widths."""
        placed: Outline = outline @ self._matrix + self._origin
        return placed

    def within(self, x: Number, y: Number, scale: Number, turn: Number = 0.0) -> "Placement":
        """Return the placement of a part that has a frame of its own, given in this frame."""
        origin = self.apply(polygon([(x, y)]))[0]
        return Placement(
            x=float(origin[0]),
            y=float(origin[1]),
            scale=self.scale * scale,
            turn=self.turn + (-turn if self.mirrored else turn),
            mirrored=self.mirrored,
        )

    @cached_property
    def _origin(self) -> Float[np.ndarray, " 2"]:
        return np.array([self.x, self.y], dtype=np.float64)

    @cached_property
    def _matrix(self) -> Float[np.ndarray, "2 2"]:
        side = np.array([[-1.0 if self.mirrored else 1.0], [1.0]])
        matrix: Float[np.ndarray, "2 2"] = self.scale * side * _rotation(self.turn)
        return matrix


def polygon(points: Points) -> Outline:
    """Return straight edges through the points, which may be written as in SVG: "x,y x,y ..."."""
    if isinstance(points, str):
        return _parsed(points)
    return np.asarray(points, dtype=np.float64)


def symmetric(right: Points) -> Outline:
    """Return the points of a right side, from top to foot, and their mirror images at x = 0."""
    side = polygon(right)
    back = side[::-1]
    return np.concatenate([side, back[back[:, 0] > 0] * (-1, 1)])


def box(left: Number, top: Number, right: Number, foot: Number) -> Outline:
    """Return a rectangle."""
    return polygon([(left, top), (right, top), (right, foot), (left, foot)])


def ellipse(x: Number, y: Number, across: Number, down: Number | None = None) -> Outline:
    """Return an ellipse around (x, y) by its radii; a circle if one is given."""
    return moved(_circle(36) * (across, across if down is None else down), x, y)


def rounded(left: Number, top: Number, right: Number, foot: Number, radius: Number) -> Outline:
    """Return a rectangle with round corners."""
    radius = min(radius, (right - left) / 2, (foot - top) / 2)
    corners = polygon([(right, foot), (left, foot), (left, top), (right, top)])
    centres = corners + _INWARD * radius
    outline: Outline = _circle(24)[_QUARTERS] * radius + np.repeat(centres, 7, axis=0)
    return outline


def smooth(points: Points, steps: int = 8) -> Outline:
    """Return the closed Catmull-Rom curve through the points, `steps` points per span."""
    nodes = polygon(points)
    spans: Float[np.ndarray, "span step 2"] = _spline(steps) @ nodes[_neighbours(len(nodes))]
    return spans.reshape(-1, 2)


def curve(points: Points, steps: int = 8) -> Outline:
    """Return the open Catmull-Rom curve through the points, both ends included."""
    nodes = polygon(points)
    ends = 2 * nodes[[0, -1]] - nodes[[1, -2]]
    padded = np.concatenate([ends[:1], nodes, ends[1:]])
    spans = _spline(steps) @ padded[_neighbours(len(padded))[1:-2]]
    return np.concatenate([spans.reshape(-1, 2), nodes[-1:]])


def ribbon(path: Points, start: Number, end: Number | None = None) -> Outline:
    """Return a band along a path, `start` wide where it begins and `end` where it ends."""
    line = polygon(path)
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[[0, -1]] = line[[1, -1]] - line[[0, -2]]
    aside = along[:, ::-1] * (-0.5, 0.5)
    aside /= np.sqrt((along**2).sum(axis=1, keepdims=True)) + 1e-12
    aside *= np.linspace(start, start if end is None else end, len(line))[:, None]
    return np.concatenate([line + aside, (line - aside)[::-1]])


def moved(outline: Outline, x: Number, y: Number) -> Outline:
    """Return the outline shifted right by x and down by y."""
    shifted: Outline = outline + np.array([x, y])
    return shifted


def turned(outline: Outline, degrees: Number) -> Outline:
    """Return the outline turned clockwise on the picture around the origin."""
    rotated: Outline = outline @ _rotation(degrees)
    return rotated


def _rotation(degrees: Number) -> Float[np.ndarray, "2 2"]:
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


@cache
def _parsed(points: str) -> Outline:
    nodes = np.array([pair.split(",") for pair in points.split()], dtype=np.float64)
    nodes.flags.writeable = False
    return nodes


@cache
def _circle(count: int) -> Outline:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@cache
def _neighbours(count: int) -> Int64[np.ndarray, "span 4"]:
    """Return, for the span after each point of a closed curve, the four points it depends on."""
    return (np.arange(count)[:, None] + np.arange(-1, 3)) % count


@cache
def _spline(steps: int) -> Float[np.ndarray, "step 4"]:
    """Return the Catmull-Rom weights of those four points at each step along a span."""
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    halved: Float[np.ndarray, "step 4"] = 0.5 * np.stack(weights, axis=1)
    return halved
