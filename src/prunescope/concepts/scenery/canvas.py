"""How does one drawing give both the picture and its exact labels?

A canvas is a map of ink numbers at twice the resolution of the picture. An ink has a colour and
states what it depicts, so the topmost ink of a pixel gives both its colour and its labels. A second
map holds the shade, which darkens colours and never changes labels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageChops, ImageDraw

from prunescope.concepts.scenery.geometry import Outline

_FINENESS = 2
_SHADE = np.array((0.845, 0.84, 0.88))  # the factor of each channel

Tone = tuple[float, float, float]
Ticks = Float[np.ndarray, "_ _"]


class Ink(NamedTuple):
    """A colour in sRGB, 0 to 255, at the picture's top and at its foot, and what it depicts."""

    top: Tone = (0.0, 0.0, 0.0)
    foot: Tone = (0.0, 0.0, 0.0)
    thing: str | None = None
    part: str | None = None
    material: str | None = None
    texture: str | None = None


class Stamp(NamedTuple):
    """Pixels of a canvas: those of a mask (255, else 0) in a box (left, top, right, foot)."""

    box: tuple[int, int, int, int]
    mask: Image.Image

    def within(self, mask: Image.Image) -> "Stamp":
        """Return the intersection with another mask of the same box."""
        return Stamp(self.box, ImageChops.darker(self.mask, mask))

    def lee(self, right: float, foot: float) -> "Stamp":
        """Return the pixels at the right and at the foot edges, by their share of the box."""
        width, height = self.mask.size
        left, top = round(right * width), round(foot * height)
        lit = self.mask.crop((left, top, left + width, top + height))
        return Stamp(self.box, ImageChops.subtract(self.mask, lit))


class Canvas:
    """A square drawing of `size` x `size` pixels, with labels on size/2 x size/2 cells."""

    def __init__(self, size: int) -> None:
        self._side = size * _FINENESS
        self._ink = Image.new("L", (self._side, self._side))
        self._shade = Image.new("L", (self._side, self._side))
        self._numbers = {Ink(): 0}

    @property
    def inks(self) -> tuple[Ink, ...]:
        """The inks by their numbers; number 0 is the bare canvas, which depicts nothing."""
        return tuple(self._numbers)

    def stamp(self, outlines: Sequence[Outline], inside: Sequence[Outline] = ()) -> Stamp:
        """Return the pixels within outlines, and within `inside` too if given; in canvas widths."""
        points = np.clip(np.concatenate(outlines), -0.1, 1.1) * self._side
        (left, top), (right, foot) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        box = (int(left) - 1, int(top) - 1, int(right) + 2, int(foot) + 2)
        stamp = Stamp(box, self._mask(box, outlines))
        return stamp.within(self._mask(box, inside)) if inside else stamp

    def axes(self, stamp: Stamp) -> tuple[Ticks, Ticks]:
        """Return where the columns and the rows of a stamp's box lie, in canvas widths."""
        left, top, right, foot = stamp.box
        x = (np.arange(left, right, dtype=np.float32)[None] + 0.5) / self._side
        y = (np.arange(top, foot, dtype=np.float32)[:, None] + 0.5) / self._side
        return x, y

    def paint(self, stamp: Stamp, ink: Ink) -> None:
        """Cover pixels with an ink, which removes their shade."""
        number = self._numbers.setdefault(ink, len(self._numbers))
        assert number < 256, "a picture has at most 255 inks"
        self._ink.paste(number, stamp.box, stamp.mask)
        self._shade.paste(0, stamp.box, stamp.mask)

    def shade(self, stamp: Stamp) -> None:
        """Shade pixels."""
        self._shade.paste(255, stamp.box, stamp.mask)

    def colours(self) -> Float[np.ndarray, "height width 3"]:
        """Return the picture in sRGB from 0 to 255, its edges averaged."""
        tops = self._reduced([ink.top for ink in self._numbers])
        feet = self._reduced([ink.foot for ink in self._numbers])
        descent = np.linspace(0, 1, len(tops))[:, None, None]
        shade = np.asarray(self._shade.reduce(_FINENESS))[..., None] / 255
        return np.asarray((tops + descent * (feet - tops)) * (1 - shade * (1 - _SHADE)))

    def cells(self) -> UInt8[np.ndarray, "cell_row cell_column"]:
        """Return the ink number at the centre of each label cell, which is two pixels wide."""
        return np.asarray(self._ink)[_FINENESS :: 2 * _FINENESS, _FINENESS :: 2 * _FINENESS].copy()

    def _mask(self, box: tuple[int, int, int, int], outlines: Sequence[Outline]) -> Image.Image:
        left, top, right, foot = box
        mask = Image.new("L", (right - left, foot - top))
        pen = ImageDraw.Draw(mask)
        for outline in outlines:
            pixels = outline * self._side - (left + 0.5, top + 0.5)
            pen.polygon(pixels.ravel().tolist(), fill=255)
        return mask

    def _reduced(self, palette: Sequence[Tone]) -> Float[np.ndarray, "height width 3"]:
        indexed = self._ink.copy()
        indexed.putpalette(np.clip(np.rint(palette), 0, 255).astype(np.uint8).tobytes())
        return np.asarray(indexed.convert("RGB").reduce(_FINENESS), dtype=np.float64)
