"""Which weights go when the smallest are taken away?"""

from collections.abc import Mapping
from fractions import Fraction

from torch import Tensor

from prunescope.base.errors import ConfigError
from prunescope.pruning.mask import Mask
from prunescope.pruning.selection import select
from prunescope.pruning.settings import Scope


def survivors_after(survivors: int, fraction: float) -> int:
    """Return round(survivors x (1 - fraction)), half to even.

    fraction: taken as the decimal it is written as: of 15, 0.1 leaves 14 (13.5), without the
    error of a float. Raises ConfigError outside (0, 1).
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the fraction to prune is {fraction}, but must lie in (0, 1)")
    return round(survivors * (1 - Fraction(str(fraction))))


def magnitudes(weights: Mapping[str, Tensor], mask: Mask) -> dict[str, Tensor]:
    """Return |w| of every tensor of a mask. Raises DataError where they are another network's."""
    mask.check_fit(weights)
    return {name: weights[name].detach().abs() for name in mask}


def prune_by_magnitude(
    weights: Mapping[str, Tensor], mask: Mask, fraction: float, scope: Scope = "global"
) -> Mask:
    """Remove a fraction of the surviving weights: those of lowest magnitude.

    weights: a state dict that holds every tensor of the mask.
    fraction: share of the *surviving* weights that goes, in (0, 1): of all of them together,
        ranked globally, or of each tensor (layerwise).
    Exactly `survivors_after` survive; of equal weights the lower flat index does, tensors in the
    order of the mask (Frankle & Carbin 2019; Frankle et al. 2019). Raises DataError where the
    weights are another network's or not finite.
    """
    scores = magnitudes(weights, mask)
    return select(scores, mask, scope, lambda group: survivors_after(group.survivors, fraction))
