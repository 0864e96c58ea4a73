"""Each level keeps the share of all prunable weights that is listed for it."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prunescope.pruning.strategy import StrategySettings

SETTINGS = ("densities",)


def survivors(before: int, size: int, level: int, strategy: "StrategySettings") -> int:
    """Return round(density x size), half to even; never more than there are left."""
    assert strategy.densities is not None  # `StrategySettings` sees to it
    return min(before, round(size * Fraction(str(strategy.densities[level - 1]))))


def in_words(strategy: "StrategySettings") -> str:
    """Say what is kept at each level."""
    kept = ", ".join(f"{100 * density:g}" for density in strategy.densities or ())
    return f"pruned to {kept} % of the weights"


def for_key(strategy: "StrategySettings", level: int) -> dict[str, Any]:
    """Return what the key of a level holds: its density alone, so that a list may grow."""
    assert strategy.densities is not None
    return {"density": strategy.densities[level - 1]}
