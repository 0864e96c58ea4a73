"""Which filters of one network go, outside any study?"""

from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import torch_generator
from prunescope.base.text import counted
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.removal import SmallNetwork, remove_filters
from prunescope.pruning.filters.scoring import filter_scores, select_groups
from prunescope.pruning.mask import Mask
from prunescope.pruning.patterns import Prunable
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.settings import PruneSettings


def prune_filters(
    network: nn.Module,
    settings: PruneSettings,
    *,
    groups: ChannelGroups | None = None,
    before: Mask | None = None,
    resolution: int | None = None,
) -> SmallNetwork:
    """Return a network without all but a share of its channel groups; the network stays.

    settings: they state what to keep, of each coupled set, or, with the scope "global", of all.
    groups: of the network, where known. before: those of them that are left; masks only shrink.
    Raises ConfigError for settings that do not apply to filters, a share above what is left or
    that leaves nothing of a set, and where no filter can be removed.
    """
    check_for_filters(settings)
    keep = settings.keep
    assert keep is not None  # as was checked
    groups = groups or find_groups(network, resolution=resolution)
    groups = within_prunable(groups, network, settings.prunable)
    survivors = groups.everything
    if before is not None:
        survivors = Mask({name: before[name] for name in survivors})
    state = network.state_dict()
    scores: Mapping[str, Tensor] = filter_scores(groups, state)
    if settings.criterion == "random":
        generator = torch_generator(settings.seed, "prune", "filters")
        scores = {name: torch.rand(len(each), generator=generator) for name, each in scores.items()}
    chosen = select_groups(
        scores,
        survivors,
        lambda part: _left(part, keep),
        scope=settings.scope if "scope" in settings.model_fields_set else "layerwise",
    )
    return remove_filters(network, groups, chosen, resolution=resolution)


def check_for_filters(settings: PruneSettings) -> None:
    """Raise ConfigError for settings by which no filters can be removed."""
    if settings.keep is None:
        raise ConfigError('structure is "filters": say how many of them to keep (keep)')


def within_prunable(groups: ChannelGroups, network: nn.Module, prunable: Prunable) -> ChannelGroups:
    """Return the groups, with those sets left whole that have a layer which is not prunable."""
    names = set(prunable_names(network, prunable))
    reasons = {}
    for each in groups.removable:
        outside = [layer for layer in each.layers if f"{layer}.weight" not in names]
        if outside:
            reasons[each.name] = f"{outside[0]} is not prunable ({prunable})"
    return groups.left_whole(reasons)


def _left(part: Mask, keep: float) -> int:
    """Return round(keep x n), half to even, `keep` taken as the decimal it is written as."""
    wanted = round(part.size * Fraction(str(keep)))
    if wanted > part.survivors:
        where = "the network" if len(part) > 1 else next(iter(part))
        raise ConfigError(
            f"keep is {keep}, which is {wanted} of {where}'s "
            f"{counted(part.size, 'channel group')}, but only {part.survivors} are left, and masks "
            "only shrink: choose a lower one"
        )
    return wanted
