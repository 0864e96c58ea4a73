"""What does the time of day do to a picture?"""

from dataclasses import dataclass
from random import Random

from prunescope.concepts.scenery.palette import Rgb, from_hex, jittered


@dataclass(frozen=True, kw_only=True)
class Mood:
    """The colours of the sky and of the light.

    lamps: it is dark; windows are lit and the moon shines.
    glow: how strongly the sun or the moon brightens the air around it, 0 to 1.
    """

    zenith: Rgb
    horizon: Rgb
    orb: Rgb
    tint: Rgb
    glow: float
    lamps: bool = False


_WHITE = "#FFFFFF"
_DAYS = (
    # zenith, horizon, sun, tint of the light, glow
    ("#6DB9E8", "#D8F0F4", "#FFE27A", _WHITE, 0.35),
    ("#8FD0CF", "#F3F3D6", "#FFD76B", "#FFFDF4", 0.4),
    ("#5AA3DB", "#BFE3F3", "#FFF0B0", _WHITE, 0.3),
    ("#A9D8EE", "#FCEFD9", "#FFC861", "#FFFAF0", 0.45),
    ("#F6B871", "#FDEBC8", "#F2703F", "#FFF0DA", 0.5),
    ("#F49E8E", "#FCE1BC", "#FFF1C4", "#FFEBDC", 0.5),
    ("#6C6BB0", "#F6AFA2", "#FFD9A0", "#F6DFE2", 0.45),
    ("#B9A7DD", "#FBD9DC", "#FFF3D6", "#FBEDF4", 0.4),
    ("#9FB3C2", "#DCE3E6", "#F3F1E4", "#E9EDF2", 0.2),
    ("#F3DC9E", "#FBF3DA", "#E9855A", "#FFF8E4", 0.4),
)
_NIGHTS = (
    ("#1A2350", "#4C66A8", "#FBF1CE", "#98A6D8", 0.45),
    ("#241F4C", "#7B5299", "#FFE9C9", "#B09CD2", 0.45),
    ("#10344A", "#3C8391", "#F4F3D9", "#8FBCC8", 0.45),
    ("#272658", "#B0638A", "#FFD9B0", "#C0A2CC", 0.5),
)


def day(rng: Random) -> Mood:
    """Return any hour from dawn to dusk, under a clear or a grey sky."""
    return _mood(rng, rng.choice(_DAYS), lamps=False)


def night(rng: Random) -> Mood:
    """Return an hour of the night."""
    return _mood(rng, rng.choice(_NIGHTS), lamps=True)


def _mood(rng: Random, row: tuple[str, str, str, str, float], *, lamps: bool) -> Mood:
    zenith, horizon, orb, tint, glow = row
    return Mood(
        zenith=jittered(from_hex(zenith), rng, 6.0),
        horizon=jittered(from_hex(horizon), rng, 5.0),
        orb=from_hex(orb),
        tint=from_hex(tint),
        glow=glow,
        lamps=lamps,
    )
