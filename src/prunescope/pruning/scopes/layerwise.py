"""The weights of each tensor compete with one another alone, so that all lose the same share."""

from collections.abc import Callable, Sequence

from prunescope.pruning.mask import Mask


def groups(mask: Mask, left: Callable[[Mask], int]) -> Sequence[tuple[Sequence[str], int]]:
    """Return each tensor as a group."""
    return [([name], left(Mask({name: kept}))) for name, kept in mask.items()]
