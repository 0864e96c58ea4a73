"""What do all places share: a sky, land, water, and where a thing can be?"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np

from prunescope.concepts.scenery import props
from prunescope.concepts.scenery.brush import Brush
from prunescope.concepts.scenery.geometry import (
    Outline,
    Placement,
    box,
    curve,
    ellipse,
    moved,
    ribbon,
)
from prunescope.concepts.scenery.moods import Mood
from prunescope.concepts.scenery.palette import Rgb, colour, darker, from_hex, jittered, mix

_WATERS = ("#3E93C4", "#2F8A9B", "#4AA3B8", "#3A6FB0", "#58B3B0")
_BELOW_HORIZON = 1.45  # the horizon's colour lies at 1 / 1.45 of the canvas's height


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a place is drawn with.

    afloat: it shows water where the main thing goes, if it can.
    """

    brush: Brush
    rng: Random
    mood: Mood
    afloat: bool

    def on(
        self, thing: str, x: float = 0.0, y: float = 0.0, scale: float = 1.0, haze: float = 0.0
    ) -> Brush:
        """Return a brush for a thing of the place; by default in the canvas's own frame."""
        return self.brush.on(thing, Placement(x=x, y=y, scale=scale), haze)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A finished place.

    scene: what it is called.
    near, far: the levels, in canvas heights, on which the main and distant things stand.
    front: draws something before the main thing, around the given x and level.
    ground: what takes the main thing's shadow. orb: where the sun or the moon stands.
    """

    scene: str
    near: float
    far: float
    front: Callable[[float, float], None]
    ground: Outline | None = None
    orb: tuple[float, float] | None = None


def sky(
    setting: Setting, *, clouds: int, reach: float = _BELOW_HORIZON
) -> tuple[float, float] | None:
    """Draw the sky with its clouds and stars; return where the sun or the moon stands, if seen.

    reach: how far towards the horizon's colour the sky is at the foot of the picture.
    """
    rng, mood = setting.rng, setting.mood
    deep = mix(mood.zenith, mood.horizon, reach)
    setting.on("sky").fill(box(-0.1, -0.1, 1.1, 1.1), mood.zenith, foot=deep, glowing=True)
    if mood.lamps:
        stars = [
            ellipse(rng.random(), rng.uniform(0, 0.55), rng.uniform(0.003, 0.008))
            for _ in range(24)
        ]
        setting.on("star").fill(stars, mix(mood.orb, mood.zenith, 0.2), glowing=True)
    orb = None
    if rng.random() < 0.65:
        orb = (rng.uniform(0.12, 0.88), rng.uniform(0.12, 0.42))
        _sun_or_moon(setting, orb, deep)
    for _ in range(clouds):
        x, y, scale = rng.random(), rng.uniform(0.08, 0.42), rng.uniform(0.16, 0.34)
        props.cloud(setting.on("cloud", x, y, scale), rng, cloud_tone(mood))
    return orb


def cloud_tone(mood: Mood) -> Rgb:
    """Return the colour of the clouds."""
    if mood.lamps:
        return mix(colour("snow"), mood.zenith, 0.72)
    return mix(colour("snow"), mood.horizon, 0.2)


def land(rng: Random, level: float, swing: float) -> Outline:
    """Return all that lies below an uneven skyline around `level`."""
    xs = np.linspace(-0.15, 1.15, 6).tolist()
    skyline = curve([(x, level + rng.uniform(-swing, swing)) for x in xs], 6)
    return np.concatenate([skyline, [(1.15, 1.1), (-0.15, 1.1)]])


def speckle(
    brush: Brush, rng: Random, top: float, tones: tuple[Rgb, Rgb], material: str | None = None
) -> None:
    """Strew light and dark specks over the ground below `top`."""
    for tone in tones:
        spots = [(rng.random(), rng.uniform(top + 0.05, 1.0)) for _ in range(9)]
        brush.fill([ellipse(x, y, 0.016 * y, 0.005) for x, y in spots], tone, None, material)


def water(
    setting: Setting, scene: str, thing: str, level: float, orb: tuple[float, float] | None
) -> Stage:
    """Draw water from `level` to the foot of the picture, with the light of the sky on it."""
    rng, mood, surface = setting.rng, setting.mood, setting.on(thing)
    deep = jittered(from_hex(rng.choice(_WATERS)), rng)
    pale, foot = mix(deep, mood.horizon, 0.4), darker(deep, 0.2)
    surface.fill(box(-0.1, level, 1.1, 1.1), pale, None, "water", foot=foot)
    if orb is not None:
        glints = [_dash(orb[0], level + 0.02 + 0.05 * n, rng.uniform(0.03, 0.12)) for n in range(5)]
        surface.fill(glints, mix(mood.orb, deep, 0.25), None, "water", glowing=True)
    ripples = []
    for _ in range(9):
        y = rng.uniform(level + 0.03, 1.0)
        wave = curve("-1,0 -0.5,-0.008 0,0 0.5,-0.008 1,0", 4)
        wave = wave * (rng.uniform(0.03, 0.08) * (0.5 + y), 1)
        ripples.append(moved(ribbon(wave, 0.009), rng.random(), y))
    surface.fill(ripples, mix(deep, colour("snow"), 0.35), None, "water")

    def front(x: float, y: float) -> None:
        xs = np.linspace(x - 0.42, x + 0.42, 13)
        crest = np.stack([xs, y + 0.008 * (-1.0) ** np.arange(13)], axis=1)
        swell = np.concatenate([curve(crest, 4), [(x + 0.42, y + 0.12), (x - 0.42, y + 0.12)]])
        tone = mix(pale, foot, y)
        surface.fill(swell, tone, None, "water", foot=darker(tone, 0.06))
        foam = ribbon(curve(crest[2:-2], 4), 0.012)
        surface.fill(foam, mix(deep, colour("snow"), 0.75), None, "water")

    near = rng.uniform(max(level + 0.12, 0.78), 0.9)
    return Stage(scene=scene, near=near, far=level + 0.05, front=front, orb=orb)


def _sun_or_moon(setting: Setting, spot: tuple[float, float], deep: Rgb) -> None:
    mood, size = setting.mood, setting.rng.uniform(0.06, 0.095)
    disc = ellipse(*spot, size)
    if not mood.lamps:
        setting.on("sun").fill(disc, mood.orb, foot=mood.orb, glowing=True)
        return
    setting.on("moon").fill(disc, mood.orb, glowing=True)
    if setting.rng.random() < 0.6:
        bite = ellipse(spot[0] + size * 0.55, spot[1] - size * 0.2, size * 0.92)
        setting.on("sky").fill(bite, mood.zenith, foot=deep, glowing=True, within=disc)


def _dash(x: float, y: float, half: float) -> Outline:
    return box(x - half, y - 0.006, x + half, y + 0.006)
