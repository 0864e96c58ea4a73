"""Can a strategy be followed down to its last level?"""

from prunescope.base.errors import ConfigError
from prunescope.pruning.choices import CRITERIA
from prunescope.pruning.mask import Mask
from prunescope.pruning.recovery import recovery_of
from prunescope.pruning.schedule import survivors_of_levels
from prunescope.pruning.selection import LevelRule, groups
from prunescope.pruning.settings import StrategySettings
from prunescope.training.settings import TrainingSettings


def check_strategy(
    name: str,
    strategy: StrategySettings,
    mask: Mask,
    training: TrainingSettings,
    rewind_to: str | None,
) -> None:
    """Raise ConfigError where a level would keep no weight, or code of the user's is not as needed.

    name: of the strategy. mask: level 0's. training, rewind_to: the study's.
    """
    CRITERIA.find(strategy.criterion)
    numbers = survivors_of_levels(mask.size, mask.survivors, strategy)
    for level, left in enumerate(numbers, start=1):
        if left == 0:
            raise ConfigError(
                f"pruning.strategies.{name} leaves no weight at level {level}: take a smaller "
                "fraction, or fewer levels"
            )
        recovery_of(strategy, training, rewind_to, level, seed=0)
    groups(mask, strategy.scope, LevelRule(strategy=strategy, level=1).left)
