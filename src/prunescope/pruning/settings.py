"""What can a recipe say about pruning?"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from prunescope.base.settings import Settings
from prunescope.base.steps import StepText
from prunescope.pruning.prunable import Prunable
from prunescope.pruning.selection import Scope

DENSE = "dense"
"""What stands for a strategy at level 0, which all strategies share."""


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name == DENSE:
        raise ValueError(f'"{name}" cannot name a strategy: use a-z, 0-9, _ and -, and not "dense"')
    if re.match(r"level-|rewind$|twin-", name):
        raise ValueError(f'"{name}" cannot name a strategy: a run folder uses that name itself')
    return name


StrategyName = Annotated[str, AfterValidator(_check_name)]


class StrategySettings(Settings):
    """Iterative magnitude pruning with weight rewinding.

    fraction: share of the surviving weights removed at each level, in (0, 1).
    levels: number of pruned levels after level 0.
    scope: "global" ranks the weights of all prunable tensors together; "layerwise" removes the
        fraction from each tensor.
    """

    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    levels: Annotated[int, Field(ge=1)]
    scope: Scope = "global"


class PruningSettings(Settings):
    """What all strategies of a study share, and the strategies by name.

    prunable: which tensors are pruned, see `prunable_names`.
    rewind_to: the step that every level goes back to; "0it" is the original lottery ticket.
    strategies: ways to prune and recover, by names of your own; all share level 0.
    """

    prunable: Prunable = "all"
    rewind_to: StepText
    strategies: Annotated[dict[StrategyName, StrategySettings], Field(min_length=1)]
