"""Pruning by magnitude, of weights alone."""

from collections.abc import Mapping

from torch import Tensor

from prunescope.pruning.criteria.magnitude import magnitudes
from prunescope.pruning.mask import Mask
from prunescope.pruning.selection import prune_fraction


def prune_by_magnitude(
    weights: Mapping[str, Tensor], mask: Mask, fraction: float, scope: str = "global"
) -> Mask:
    """Remove a fraction of the surviving weights: those of lowest magnitude."""
    return prune_fraction(magnitudes(weights, mask), mask, fraction, scope)
