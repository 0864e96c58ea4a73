"""The weights of each tensor compete with one another alone."""

from collections.abc import Sequence

from prunescope.pruning.mask import Mask


def groups(mask: Mask) -> Sequence[Sequence[str]]:
    """Return each tensor as a group of its own."""
    return [[name] for name in mask]
