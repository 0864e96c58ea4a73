"""How does one drawing give both the picture and its exact labels?

A canvas is a map of ink numbers, three times as fine as the picture. An ink has its colours and
says what it depicts, so the uppermost ink of a pixel is its colour and its labels at once. A
second map holds light and shade, which change the colours and never the labels.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageChops, ImageDraw

from prunescope.concepts.scenery.geometry import Outline, Placement
from prunescope.concepts.scenery.palette import Rgb

_SUPERSAMPLING = 3
_NEUTRAL = 128
_SHADE = np.array(
    (0.376, 0.361, 0.51), dtype=np.float32
)  # what full shade leaves of a colour: it is bluish


class Ink(NamedTuple):
    """A colour, from the top of the picture to its foot, and what it depicts.

    glowing: shines by itself, so that the night does not darken it.
    """

    top: Rgb
    foot: Rgb
    thing: str | None = None
    part: str | None = None
    texture: str | None = None
    material: str | None = None
    glowing: bool = False


class Canvas:
    """A square drawing of `size` x `size` pixels, with labels on size/2 x size/2 cells."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._side = size * _SUPERSAMPLING
        self._numbers = {Ink(top=(0.0, 0.0, 0.0), foot=(0.0, 0.0, 0.0)): 0}
        self._ink = Image.new("L", (self._side, self._side), 0)
        self._light = Image.new("L", (self._side, self._side), _NEUTRAL)
        self._ink_pen, self._light_pen = ImageDraw.Draw(self._ink), ImageDraw.Draw(self._light)
        self._shone = False  # until then the light is neutral, and painting need not restore it

    @property
    def inks(self) -> tuple[Ink, ...]:
        """The inks by their numbers; number 0 is the bare canvas, which depicts nothing."""
        return tuple(self._numbers)

    def paint(
        self,
        outlines: Sequence[Outline],
        place: Placement,
        ink: Ink,
        within: Outline | None = None,
    ) -> None:
        """Cover outlines with an ink, which also takes light and shade off them.

        within: the outline beyond which nothing is covered; light and shade inside it stay.
        """
        number = self._numbers.setdefault(ink, len(self._numbers))
        assert number < 256, "a picture has at most 255 inks"
        if within is not None:
            self._stencil(self._ink, outlines, place, within, number)
            return
        for points in _separate(self._placed(outlines, place), outlines):
            self._ink_pen.polygon(points, fill=number)
            if self._shone:
                self._light_pen.polygon(points, fill=_NEUTRAL)

    def shine(
        self,
        outlines: Sequence[Outline],
        place: Placement,
        amount: float,
        within: Outline | None = None,
    ) -> None:
        """Lighten outlines (amount up to 1) or shade them (to -1), inside `within` if given."""
        self._shone, value = True, round(_NEUTRAL + 127 * amount)
        if within is not None:
            self._stencil(self._light, outlines, place, within, value)
            return
        for points in _separate(self._placed(outlines, place), outlines):
            self._light_pen.polygon(points, fill=value)

    def colours(self, tint: Rgb) -> Float[np.ndarray, "height width 3"]:
        """Return the picture in sRGB from 0 to 255, edges averaged, white seen as `tint`."""
        white = np.array(tint, dtype=np.float32)
        tops = self._in_colour([ink.top for ink in self._numbers], white)
        feet = self._in_colour([ink.foot for ink in self._numbers], white)
        ramp = np.linspace(0, 255, self.size).astype(np.uint8)
        descent = Image.fromarray(np.repeat(ramp[:, None], self.size, axis=1))
        colours = np.asarray(Image.composite(feet, tops, descent), dtype=np.float32)
        levels = np.asarray(self._light.reduce(_SUPERSAMPLING), dtype=np.float32)
        light = (levels[..., None] - _NEUTRAL) / 127
        colours *= 1 + np.minimum(light, 0) * (1 - _SHADE)
        colours += np.maximum(light, 0) * (white - colours)
        return colours

    def cells(self) -> UInt8[np.ndarray, "cell_row cell_column"]:
        """Return the ink number at the centre of each label cell, which is two pixels wide."""
        step = 2 * _SUPERSAMPLING
        return np.asarray(self._ink)[step // 2 :: step, step // 2 :: step].copy()

    def _placed(self, outlines: Sequence[Outline], place: Placement) -> Outline:
        joined = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
        placed: Outline = place.apply(joined) * self._side - 0.5
        return placed

    def _stencil(
        self,
        target: Image.Image,
        outlines: Sequence[Outline],
        place: Placement,
        within: Outline,
        value: int,
    ) -> None:
        figures, edge = self._placed(outlines, place), self._placed([within], place)
        low = np.maximum(figures.min(axis=0), edge.min(axis=0))
        high = np.minimum(figures.max(axis=0), edge.max(axis=0))
        left, top = (max(0, int(bound) - 1) for bound in low)
        right, foot = (min(self._side, int(bound) + 2) for bound in high)
        if left >= right or top >= foot:
            return
        masks = [Image.new("L", (right - left, foot - top), 0) for _ in range(2)]
        for mask, points, parts in ((masks[0], edge, [within]), (masks[1], figures, outlines)):
            pen = ImageDraw.Draw(mask)
            for piece in _separate(points - (left, top), parts):
                pen.polygon(piece, fill=255)
        target.paste(value, (left, top), ImageChops.darker(*masks))

    def _in_colour(self, tones: Sequence[Rgb], white: Float[np.ndarray, " 3"]) -> Image.Image:
        glowing = np.array([[ink.glowing] for ink in self._numbers])
        palette = np.array(tones) * np.where(glowing, 1.0, white / 255)
        indexed = self._ink.copy()
        indexed.putpalette(np.clip(np.rint(palette), 0, 255).astype(np.uint8).tobytes())
        return indexed.convert("RGB").reduce(_SUPERSAMPLING)


def _separate(points: Outline, outlines: Sequence[Outline]) -> list[list[float]]:
    """Cut joined points into those of each outline, as flat lists."""
    flat: list[float] = points.ravel().tolist()
    ends = [0, *accumulate(2 * len(outline) for outline in outlines)]
    return [flat[start:end] for start, end in pairwise(ends)]
