"""What of a strategy is the same for all levels that it prunes, however many they are?"""

from functools import cached_property
from typing import Any

from prunescope.base.files import hash_file
from prunescope.pruning.choices import CRITERIA
from prunescope.pruning.recovery import origin_of
from prunescope.pruning.strategy import StrategySettings


class PlannedStrategy:
    """A strategy of a study.

    scores_at_rewind_point: whether its criterion scores but once, there. origin: see `origin_of`.
    """

    def __init__(self, settings: StrategySettings) -> None:
        self.settings = settings
        self.scores_at_rewind_point = bool(CRITERIA.stated(settings.criterion, "SINGLE_SHOT"))
        self.origin = origin_of(settings)
        self._for_level = settings.for_levels()

    def for_level(self, level: int) -> dict[str, Any]:
        """Return what of it enters the key of a level, user code by its content."""
        return self._for_level(level) | self._sources

    @cached_property
    def _sources(self) -> dict[str, str]:
        sources = self.settings.sources().items()
        return {f"{choice}_source": hash_file(path) for choice, path in sources}
