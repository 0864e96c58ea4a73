"""Each level loses a fraction of the weights that are left (Frankle & Carbin 2019)."""

from fractions import Fraction
from typing import TYPE_CHECKING

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

SETTINGS = ("fraction",)


def survivors(before: int, size: int, level: int, strategy: "StrategySettings") -> int:  # noqa: ARG001
    """Return how many weights are left when the strategy's fraction has gone."""
    return survivors_after(before, strategy.fraction)


def in_words(strategy: "StrategySettings") -> str:
    """Say what goes at each level."""
    return (
        f"{100 * strategy.fraction:g} % of the remaining weights at each of "
        f"{counted(strategy.levels, 'level')}"
    )


def survivors_after(survivors: int, fraction: float) -> int:
    """Return round(survivors x (1 - fraction)), half to even.

    fraction: taken as the decimal it is written as: of 15, 0.1 leaves 14 (13.5), without the
    error of a float. Raises ConfigError outside (0, 1).
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the fraction to prune is {fraction}, but must lie in (0, 1)")
    return round(survivors * (1 - Fraction(str(fraction))))
