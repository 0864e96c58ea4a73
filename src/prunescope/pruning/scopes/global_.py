"""The weights of all prunable tensors compete."""

from collections.abc import Sequence

from prunescope.pruning.mask import Mask


def groups(mask: Mask) -> Sequence[Sequence[str]]:
    """Return all tensors as one group."""
    return [list(mask)]
