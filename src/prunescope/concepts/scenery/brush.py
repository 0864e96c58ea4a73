"""How does a thing, drawn in its own frame, come onto the canvas in the right colours?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from prunescope.concepts.scenery.canvas import Canvas, Ink
from prunescope.concepts.scenery.geometry import Number, Outline, Placement
from prunescope.concepts.scenery.palette import Rgb, darker, lighter, mix
from prunescope.concepts.scenery.textures import pattern

_SMALLEST_PATTERNED = 0.24  # canvas widths; below, a pattern is finer than the pixels

Outlines = Outline | Sequence[Outline]


@dataclass(frozen=True, kw_only=True)
class Brush:
    """Paints one thing at its place.

    air: the colour of the haze. haze: the share of it in front of the thing.
    lamps: it is dark, and windows are lit.
    """

    canvas: Canvas
    place: Placement
    air: Rgb
    lamps: bool
    thing: str | None = None
    haze: float = 0.0

    @property
    def detailed(self) -> bool:
        """Whether the thing is large enough for patterns and small parts."""
        return self.place.scale >= _SMALLEST_PATTERNED

    def on(self, thing: str, place: Placement, haze: float = 0.0) -> "Brush":
        """Return a brush for another thing, with a share of haze in front of it."""
        return replace(self, thing=thing, place=place, haze=haze)

    def at(self, x: Number, y: Number, scale: Number = 1.0, turn: Number = 0.0) -> "Brush":
        """Return a brush for a piece of this thing with a frame of its own, given in this one."""
        return replace(self, place=self.place.within(x, y, scale, turn))

    def beside(self, thing: str) -> "Brush":
        """Return a brush for another thing in the same frame."""
        return replace(self, thing=thing)

    def fill(
        self,
        outlines: Outlines,
        tone: Rgb,
        part: str | None = None,
        material: str | None = None,
        *,
        foot: Rgb | None = None,
        texture: str | None = None,
        glowing: bool = False,
        within: Outline | None = None,
    ) -> None:
        """Paint outlines of the thing's frame.

        foot: the colour towards the foot of the picture; a slightly darker one if not given.
        within: where given, nothing beyond it is painted, and its light and shade stay.
        """
        haze = 0.0 if glowing else self.haze
        ink = Ink(
            top=mix(lighter(tone, 0.08) if foot is None else tone, self.air, haze),
            foot=mix(darker(tone, 0.08) if foot is None else foot, self.air, haze),
            thing=self.thing,
            part=part,
            texture=texture,
            material=material,
            glowing=glowing,
        )
        if len(outlines):
            self.canvas.paint(_several(outlines), self.place, ink, within)

    def dress(
        self,
        outline: Outline,
        tones: tuple[Rgb, Rgb],
        texture: str | None,
        part: str | None = None,
        material: str | None = None,
        *,
        pitch: float = 0.1,
        turn: Number = 0.0,
    ) -> None:
        """Paint an outline in two colours that form a texture, `pitch` canvas widths apart.

        Without a texture, or where the thing is too small for one, it gets the first colour.
        """
        texture = texture if self.detailed else None
        self.fill(outline, tones[0], part, material, texture=texture)
        if texture is not None:
            low, high = outline.min(axis=0), outline.max(axis=0)
            figures = pattern(texture, low, high, pitch / self.place.scale, turn)
            self.fill(figures, tones[1], part, material, texture=texture, within=outline)

    def shine(self, outlines: Outlines, amount: float, within: Outline | None = None) -> None:
        """Lighten (up to 1) or shade (down to -1) outlines, only inside `within` if given."""
        self.canvas.shine(_several(outlines), self.place, amount, within)


def _several(outlines: Outlines) -> Sequence[Outline]:
    return [outlines] if isinstance(outlines, np.ndarray) else outlines
