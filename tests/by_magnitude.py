"""Pruning by magnitude, of weights alone."""

from collections.abc import Mapping

from torch import Tensor

from prunescope.pruning.mask import Mask
from prunescope.pruning.schedules.fraction import survivors_after
from prunescope.pruning.selection import groups, select


def prune_by_magnitude(
    weights: Mapping[str, Tensor], mask: Mask, fraction: float, scope: str = "global"
) -> Mask:
    """Remove a fraction of the surviving weights: those of lowest magnitude."""
    mask.check_fit(weights)
    scores = {name: weights[name].detach().abs() for name in mask}
    shares = groups(mask, scope, lambda part: survivors_after(part.survivors, fraction))
    return select(scores, mask, shares)
