"""Which weights go when the smallest are taken away?"""

from collections.abc import Mapping
from fractions import Fraction

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.pruning.mask import Mask


def survivors_after(survivors: int, fraction: float) -> int:
    """Return round(survivors x (1 - fraction)), half to even.

    fraction: taken as the decimal it is written as: of 15, 0.1 leaves 14 (13.5), without the
    error of a float. Raises ConfigError outside (0, 1).
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the fraction to prune is {fraction}, but must lie in (0, 1)")
    return round(survivors * (1 - Fraction(str(fraction))))


def prune_by_magnitude(weights: Mapping[str, Tensor], mask: Mask, fraction: float) -> Mask:
    """Remove a fraction of the surviving weights: those of lowest magnitude, ranked globally.

    weights: a state dict that holds every tensor of the mask.
    fraction: share of the *surviving* weights that goes, in (0, 1).
    Exactly `survivors_after` survive; of equal weights the lower flat index does, tensors in the
    order of the mask (Frankle & Carbin 2019; Frankle et al. 2019). Raises DataError where the
    weights are another network's or not finite.
    """
    mask.check_fit(weights)
    alive = torch.cat([mask[name].flatten() for name in mask])
    magnitudes = torch.cat([weights[name].detach().cpu()[mask[name]] for name in mask]).abs_()
    if not bool(torch.isfinite(magnitudes).all()):
        raise DataError("the weights to prune hold a value that is not finite")
    kept = keep_largest(magnitudes, survivors_after(len(magnitudes), fraction))
    survivors = alive.masked_scatter(alive, kept)
    pieces = torch.split(survivors, [mask[name].numel() for name in mask])
    return Mask(
        {name: piece.reshape(mask[name].shape) for name, piece in zip(mask, pieces, strict=True)}
    )


def keep_largest(values: Float[Tensor, " value"], count: int) -> Bool[Tensor, " value"]:
    """Mark the `count` largest values; of equal values, those of lower index.

    count: in [0, number of values].
    """
    if count == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    cut = values.kthvalue(len(values) - count + 1).values
    kept = values > cut
    tied = (values == cut).nonzero().squeeze(1)
    kept[tied[: count - int(torch.count_nonzero(kept))]] = True
    return kept
