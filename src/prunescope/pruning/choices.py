"""What can be chosen about pruning, by name?"""

from typing import Literal, TypeAlias

from prunescope.base.registry import Registry

CRITERIA = Registry("criterion", "prunescope.pruning.criteria", "scores", takes_users=True)
"""By which scores weights survive."""

SCOPES = Registry("scope", "prunescope.pruning.scopes", "groups")
"""Which weights compete for survival."""

Prunable: TypeAlias = Literal["all", "conv", "conv+shortcut"]
"""Which tensors are pruned, see `prunable_names`."""
