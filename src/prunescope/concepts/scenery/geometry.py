"""Which outlines are the pictures made of, and how are they placed?"""

import numpy as np
from jaxtyping import Float

Number = float | int
Outline = Float[np.ndarray, "_ 2"]
"""A closed polygon, one (x, y) row per point, y downward."""
Frame = Float[np.ndarray, "3 3"]
"""Maps rows (x, y, 1) in a thing's units to rows on the canvas, whose side is 1."""


def frame(
    spot: tuple[Number, ...], across: Number = 1, down: Number = 1, turn: Number = 0
) -> Frame:
    """Return a frame by its origin, its two units and its clockwise turn in degrees."""
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    units = [across * cosine, across * sine, 0], [-down * sine, down * cosine, 0]
    return np.array([*units, [*spot, 1]])


def placed(outline: Outline, where: Frame) -> Outline:
    """Return an outline, given in a frame's units, in the coordinates of the frame's parent."""
    return np.asarray(outline @ where[:2, :2] + where[2, :2])


def polygon(points: str) -> Outline:
    """Return straight edges through points written as in SVG: "x,y x,y ..."."""
    return np.array([pair.split(",") for pair in points.split()], dtype=np.float64)


def mirrored(right: Outline) -> Outline:
    """Return the points of a right side, from top to foot, and their mirror images at x = 0."""
    return np.concatenate([right, right[::-1] * (-1, 1)])


def box(corners: Outline) -> Outline:
    """Return the rectangle between two opposite corners."""
    (left, top), (right, foot) = corners
    return np.array([(left, top), (right, top), (right, foot), (left, foot)])


def oval(middle_and_radii: Outline, power: Number = 1) -> Outline:
    """Return an ellipse by its centre and radii; the lower the power below 1, the more box-like."""
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    middle, radii = middle_and_radii
    return np.asarray(np.sign(circle) * np.abs(circle) ** power * radii + middle)


def smooth(nodes: Outline) -> Outline:
    """Return the closed curve towards the nodes: their corners, cut thrice (Chaikin, 1974)."""
    for _ in range(3):
        following = np.roll(nodes, -1, axis=0)
        nodes = np.stack([3 * nodes + following, nodes + 3 * following], axis=1).reshape(-1, 2) / 4
    return nodes


def band(widths_and_line: Outline) -> Outline:
    """Return a band along a line, by its widths where it begins and ends, and the line's points."""
    (start, end), line = widths_and_line[0], widths_and_line[1:]
    along = np.gradient(line, axis=0)
    aside = along[:, ::-1] * (-0.5, 0.5) / np.linalg.norm(along, axis=1, keepdims=True)
    aside *= np.linspace(start, end, len(line))[:, None]
    return np.concatenate([line + aside, (line - aside)[::-1]])


SHAPES = {
    "polygon": lambda points: points,
    "mirrored": mirrored,
    "box": box,
    "oval": oval,
    "rounded": lambda points: oval(points, 0.4),
    "smooth": smooth,
    "bulb": lambda points: smooth(mirrored(points)),
    "band": band,
}
"""By its word, the function that makes a shape from its points."""
