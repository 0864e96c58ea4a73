"""Which weights survive, when so many of them must?"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.pruning.choices import SCOPES
from prunescope.pruning.mask import Mask
from prunescope.pruning.schedule import survivors_after


def prune_fraction(
    scores: Mapping[str, Tensor], mask: Mask, fraction: float, scope: str = "global"
) -> Mask:
    """Remove a fraction of the surviving weights: those of lowest scores.

    fraction: share of the *surviving* weights that goes, in (0, 1), of each group of the scope.
    Exactly `survivors_after` survive of each (Frankle & Carbin 2019; Frankle et al. 2019). Raises
    as `select` does.
    """
    return select(scores, mask, scope, lambda group: survivors_after(group.survivors, fraction))


def groups(mask: Mask, scope: str) -> list[Mask]:
    """Return the parts of a mask whose weights compete in a scope."""
    found = SCOPES.find(scope)(mask)
    return [Mask({name: mask[name] for name in names}) for names in found]


def select(
    scores: Mapping[str, Tensor], mask: Mask, scope: str, left: Callable[[Mask], int]
) -> Mask:
    """Keep those surviving weights whose scores are highest.

    scores: for every tensor of the mask, a score of each of its weights; of those already pruned
        it is never read.
    scope: which of them compete, see `prunescope.pruning.scopes`.
    left: how many shall survive of a mask, in [0, its survivors]. It is asked about each group of
        the scope, as a mask of its own.
    Exactly so many survive; of equal scores the lower flat index does, tensors in the order of
    the mask. Raises DataError where the scores are another network's, or not finite.
    """
    mask.check_fit(scores)
    kept: dict[str, Tensor] = {}
    for group in groups(mask, scope):
        kept |= _select_within(scores, group, left(group))
    return Mask({name: kept[name] for name in mask})


def _select_within(scores: Mapping[str, Tensor], mask: Mask, count: int) -> dict[str, Tensor]:
    alive = torch.cat([kept.flatten() for kept in mask.values()])
    values = torch.cat([scores[name].detach().cpu()[kept] for name, kept in mask.items()])
    if not bool(torch.isfinite(values).all()):
        raise DataError("the weights to prune hold a value that is not finite")
    survivors = alive.masked_scatter(alive, keep_largest(values, count))
    pieces = torch.split(survivors, [kept.numel() for kept in mask.values()])
    return {
        name: piece.reshape(kept.shape)
        for (name, kept), piece in zip(mask.items(), pieces, strict=True)
    }


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
