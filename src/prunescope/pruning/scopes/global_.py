"""The weights of all prunable tensors compete."""

from collections.abc import Callable, Sequence

from prunescope.pruning.mask import Mask


def groups(mask: Mask, left: Callable[[Mask], int]) -> Sequence[tuple[Sequence[str], int]]:
    """Return all tensors as one group."""
    return [(list(mask), left(mask))]
