"""Which weights go when the smallest are taken away?"""

from collections.abc import Mapping
from fractions import Fraction

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.pruning.mask import Mask


def survivors_after(survivors: int, fraction: float) -> int:
    """Return round(survivors x (1 - fraction)), half to even, reckoned without float error."""
    if not 0 < fraction < 1:
        raise ConfigError(f"the fraction to prune is {fraction}, but must lie in (0, 1)")
    return round(survivors * (1 - Fraction(str(fraction))))


def prune_by_magnitude(weights: Mapping[str, Tensor], mask: Mask, fraction: float) -> Mask:
    """Remove a fraction of the surviving weights: those of lowest magnitude, ranked globally.

    weights: a state dict that holds every tensor of the mask.
    fraction: share of the *surviving* weights that goes, in (0, 1).
    Exactly `survivors_after` survive; of equal weights the lower flat index does, tensors in the
    order of the mask (Frankle & Carbin 2019; Frankle et al. 2019).
    """
    flat = torch.cat([mask[name].flatten() for name in mask])
    magnitudes = torch.cat([weights[name].detach().float().flatten() for name in mask]).abs_()
    if not bool(torch.isfinite(magnitudes).all()):
        raise DataError("the weights to prune hold a value that is not finite")
    alive = magnitudes[flat]
    flat[flat.clone()] = keep_largest(alive, survivors_after(len(alive), fraction))
    pieces = flat.split([mask[name].numel() for name in mask])
    return Mask(
        {name: piece.reshape(mask[name].shape) for name, piece in zip(mask, pieces, strict=True)}
    )


def keep_largest(values: Float[Tensor, " value"], count: int) -> Bool[Tensor, " value"]:
    """Mark the `count` largest values; of equal values, those of lower index."""
    if count == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    cut = values.kthvalue(len(values) - count + 1).values
    above = values > cut
    tied = values == cut
    room = count - int(torch.count_nonzero(above))
    return above | (tied & (tied.cumsum(0) <= room))
