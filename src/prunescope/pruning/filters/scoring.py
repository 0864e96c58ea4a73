"""Which channel groups survive, by the magnitude of their filters?"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float64
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import counted
from prunescope.pruning.filters.groups import NO_GROUP, ChannelGroups
from prunescope.pruning.mask import Mask
from prunescope.pruning.selection import groups as groups_of_scope
from prunescope.pruning.selection import select


def filter_scores(
    groups: ChannelGroups, state: Mapping[str, Tensor]
) -> dict[str, Float64[Tensor, " group"]]:
    """Return the mean over each group's filters of the sum of |w|, by the names of its set.

    state: in the dense shapes. Sums in float64; biases do not count. Only removable sets are
    scored. Source: Li et al. 2017 (ICLR, arXiv 1608.08710), section 3.1.
    """
    count = sum(each.groups for each in groups.sets)
    total, filters = (
        torch.zeros(count, dtype=torch.float64),
        torch.zeros(count, dtype=torch.float64),
    )
    for layer, owners in groups.filters.items():
        held = owners != NO_GROUP
        key = f"{layer}.weight"
        if not bool(held.any()) or key not in state:
            continue
        weight = state[key].detach().cpu()
        sums = _sums(weight, len(owners), transposed=layer in groups.transposed)
        total.index_add_(0, owners[held], sums[held])
        filters.index_add_(0, owners[held], torch.ones_like(sums[held]))
    pieces = torch.split(total / filters, [each.groups for each in groups.sets])
    return {
        each.name: piece
        for each, piece in zip(groups.sets, pieces, strict=True)
        if each.whole is None
    }


def select_groups(
    scores: Mapping[str, Tensor],
    survivors: Mask,
    left: Callable[[Mask], int],
    *,
    scope: str = "layerwise",
    allow_empty: bool = False,
) -> Mask:
    """Keep those surviving groups whose scores are highest.

    scores, survivors: by the names of the coupled sets. scope: "layerwise" ranks within each set,
    "global" all groups together, or a scope of the user's. left: how many survive of a mask.
    Exactly so many do; of equal scores the lower number does.
    Raises ConfigError naming the sets of which nothing would be left, unless these are allowed;
    DataError where the scores are not finite.
    """
    for name, values in scores.items():
        if not bool(torch.isfinite(values[survivors[name]]).all()):
            raise DataError(f"the filters of {name} hold a value that is not finite")
    chosen = select(scores, survivors, groups_of_scope(survivors, scope, left))
    if not allow_empty:
        refuse_empty(survivors, chosen)
    return chosen


def refuse_empty(before: Mask, after: Mask) -> None:
    """Raise ConfigError naming each coupled set of which no group is left."""
    emptied = [name for name, kept in after.items() if not bool(kept.any())]
    if emptied:
        shown = ", ".join(emptied[:3]) + (f" and {len(emptied) - 3} more" if emptied[3:] else "")
        number = int(torch.count_nonzero(before[emptied[0]]))
        raise ConfigError(
            f"no filter would be left of {shown} (of {emptied[0]} {counted(number, 'group')} of "
            'filters are left now): prune less, or rank within each layer (scope "layerwise")'
        )


def _sums(weight: Tensor, filters: int, *, transposed: bool) -> Float64[Tensor, " filter"]:
    """Return the sum of |w| of each filter.

    transposed: the weight is of shape (in, out / groups, *kernel), not (out, in / groups, *kernel).
    """
    if transposed:
        convolution_groups = filters // weight.shape[1]
        weight = weight.reshape(convolution_groups, -1, *weight.shape[1:]).transpose(1, 2)
        weight = weight.flatten(0, 1)
    return weight.abs().double().flatten(1).sum(dim=1)
