"""How are things painted on the canvas, and in which colours?"""

from collections.abc import Callable
from functools import cache, partial
from random import Random

import numpy as np
from PIL import Image

from prunescope.concepts.scenery.canvas import Canvas, Ink, Stamp, Tone
from prunescope.concepts.scenery.geometry import Frame, Number, Outline, frame, placed
from prunescope.concepts.scenery.notation import Piece, Thing
from prunescope.concepts.scenery.palette import Mood, Rgb, darker, lighter, mix, pick, pick_pair
from prunescope.concepts.scenery.patterns import FABRICS, PATTERNS

_SMALLEST_DETAILED = 0.24  # canvas widths; patterns and shade of smaller things are too fine
_LARGEST_SHADED = 0.9  # canvas widths; the edges of larger things are outside the picture


class Painter:
    """Paints things on a canvas in a mood, whose light tints them and whose horizon is their haze.

    A piece's colour is "main" or "figure", a matching pair; a colour of the mood, which is not
    tinted; or names of the palette, one of which is picked per thing. Each "+" after it makes it
    lighter, each "-" darker.
    """

    def __init__(self, canvas: Canvas, rng: Random, mood: Mood) -> None:
        self._canvas, self._rng, self._mood = canvas, rng, mood

    def draw(self, thing: Thing, x: Number, y: Number, size: Number, turn: Number = 0) -> None:
        """Draw a thing at (x, y), `size` canvas widths large, choosing among its alternatives."""
        rng, surface, spin = self._rng, tuple[Outline, ...](), self._rng.uniform(0, 90)
        across, down = rng.choice((-1, 1)) * rng.uniform(0.92, 1.08), rng.uniform(0.92, 1.08)
        where = frame((x, y), size * across, size * down, turn if across > 0 else -turn)
        far_off = thing.habit and size < _SMALLEST_DETAILED
        seen = cache(partial(self._seen, dict(self._mood), 0.2 if far_off else thing.haze))
        for piece in (piece for pieces in thing.sketch for piece in rng.choice(pieces)):
            spun = frame(piece.spin, turn=spin) @ where if piece.spin else where
            outlines = tuple(placed(outline, spun) for outline in piece.outlines)
            inside = surface if piece.only == "inside" else ()
            surface = inside or outlines
            self._paint(piece, self._canvas.stamp(outlines, inside), seen, spun, size)

    def cast_shadow(self, outline: Outline) -> None:
        """Shade the inside of an outline, given in canvas widths."""
        self._canvas.shade(self._canvas.stamp([outline]))

    def _paint(
        self, piece: Piece, stamp: Stamp, seen: Callable[[str], Tone], where: Frame, size: Number
    ) -> None:
        detailed = size >= _SMALLEST_DETAILED
        patterns = piece.pattern.replace("fabric", FABRICS) if detailed else "plain"
        pattern = self._rng.choice(patterns.split(","))
        texture, covers = PATTERNS[pattern]
        meaning = (piece.thing, piece.part, piece.material, texture)
        if piece.only != "figures":
            ink = Ink(seen(piece.tone), seen(piece.foot or piece.tone), *meaning)
            self._canvas.paint(stamp, ink)
        if pattern != "plain":
            pitch = piece.pitch / size or 1.0
            units = np.linalg.inv(frame((0, 0), pitch, pitch) @ where)
            x, y = self._canvas.axes(stamp)
            u, v = (x * along + y * down + start for along, down, start in units.T[:2].tolist())
            figures = stamp.within(Image.fromarray(covers(u, v).astype(np.uint8) * 255))
            self._canvas.paint(figures, Ink(seen(piece.figure), seen(piece.figure), *meaning))
        if detailed and size < _LARGEST_SHADED and any(piece.lee):
            self._canvas.shade(stamp.lee(*piece.lee))

    def _seen(self, tones: dict[str, Rgb], haze: Number, names: str) -> Tone:
        """Return a colour in this light and haze; remember the colours picked for the thing."""
        plain = names.rstrip("+-")
        if plain not in tones and plain in ("main", "figure"):
            tones["main"], tones["figure"] = pick_pair(self._rng)
        elif plain not in tones:
            tones[plain] = pick(self._rng, plain)
        tone = tones[plain]
        for sign in names[len(plain) :]:
            tone = lighter(tone) if sign == "+" else darker(tone)
        tint = 1.0 if plain in self._mood else self._mood["tint"] / 255
        red, green, blue = mix(tone * tint, self._mood["horizon"], haze).tolist()
        return red, green, blue
