"""What can be chosen about pruning, by name?"""

from typing import Literal, TypeAlias

from prunescope.base.registry import Registry

CRITERIA = Registry("criterion", "prunescope.pruning.criteria", "scores", allows_user_code=True)
"""By which scores weights survive."""

SCOPES = Registry("scope", "prunescope.pruning.scopes", "groups", allows_user_code=True)
"""Which weights compete for survival."""

SCHEDULES = Registry("schedule", "prunescope.pruning.schedules", "survivors", allows_user_code=True)
"""How many weights each level keeps."""

RECOVERIES = Registry("recovery", "prunescope.pruning.recoveries", "recover", allows_user_code=True)
"""How a pruned network gets its accuracy back."""

REGISTRIES = (CRITERIA, SCOPES, SCHEDULES, RECOVERIES)
"""Those of a strategy: each kind is also the name of a setting."""

PrunableConvention: TypeAlias = Literal["all", "conv", "conv+shortcut"]
"""Which tensors are pruned, by a name, see `prunable_names`."""

Structure: TypeAlias = Literal["weights", "filters", "2:4"]
"""What is removed together."""

Form: TypeAlias = Literal["prunescope", "torch", "openlth"]
"""For which tool pruned weights are written."""
