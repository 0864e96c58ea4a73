"""How many weights does each level keep, by the schedule of its strategy?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prunescope.base.text import written
from prunescope.pruning.choices import SCHEDULES

if TYPE_CHECKING:
    from prunescope.pruning.settings import StrategySettings


def survivors_at(level: int, before: int, size: int, strategy: "StrategySettings") -> int:
    """Return how many of `size` weights a level keeps, of which the level before has `before`.

    Raises ConfigError where a schedule of the user's fails, or returns anything else than a number
    of them.
    """
    name = strategy.schedule
    left = SCHEDULES.call(name, before, size, level, strategy)
    if not isinstance(left, int) or isinstance(left, bool) or not 0 <= left <= before:
        raise SCHEDULES.fault(
            name,
            f"returned {written(left)} for level {level}, but must return how many of the "
            f"{before:,} weights that the level before has are left",
        )
    return left


def survivors_of_levels(size: int, dense: int, strategy: "StrategySettings") -> Iterator[int]:
    """Yield how many of `size` weights each pruned level keeps, of which level 0 has `dense`."""
    left = dense
    for level in range(1, strategy.levels + 1):
        left = survivors_at(level, left, size, strategy)
        yield left
