"""How are filters removed from a network in a file, whichever tool wrote it?"""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from prunescope.base.text import align, counted, number, percent
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.registry import build
from prunescope.pruning.acting import count_parameters
from prunescope.pruning.files import open_saved
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.pruning import check_for_filters, prune_filters, within_prunable
from prunescope.pruning.filters.removal import SmallNetwork
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prunable import behaviour_of, prunable_names
from prunescope.pruning.settings import PruneSettings


@dataclass(frozen=True, kw_only=True)
class PrunedFilters:
    """A network without its pruned filters, as it is written.

    network: smaller, with the numbers of the units that are left. mask: of its weights, in its
    shapes. small: what was removed, and what stayed whole. parameters: of the dense network.
    """

    network: LoadedNetwork
    mask: Mask
    small: SmallNetwork
    parameters: int

    def as_dict(self) -> dict[str, object]:
        """Return the counts by name, for a program."""
        survivors = self.small.survivors
        return {
            "structure": "filters",
            "keep": survivors.keep,
            "survivors": survivors.survivors,
            "prunable": survivors.size,
            "parameters": count_parameters(self.network.module),
            "parameters_before": self.parameters,
            "difference": self.small.difference,
            "whole": dict(self.small.whole),
            "sets": {
                name: {"groups": len(kept), "survivors": int(kept.sum())}
                for name, kept in survivors.items()
            },
        }

    def __str__(self) -> str:
        survivors, left = self.small.survivors, count_parameters(self.network.module)
        rows = [
            (name, number(len(kept)), number(int(kept.sum())), percent(float(kept.float().mean())))
            for name, kept in survivors.items()
        ]
        lines = [
            align([("coupled set", "channel groups", "kept", "keep"), *rows]),
            "",
            f"{survivors.survivors:,} of {counted(survivors.size, 'channel group')} kept, "
            f"{percent(survivors.keep)}; {left:,} of {self.parameters:,} parameters, "
            f"{percent(left / self.parameters)}",
            f"on random images the network differs from the masked one by "
            f"{self.small.difference:.1g} of the largest output",
        ]
        lines += [f"whole: {name}: {why}" for name, why in self.small.whole.items()]
        return "\n".join(lines)


def prune_saved_filters(
    name: str,
    settings: PruneSettings,
    *,
    weights: Path | str | None,
    key: str | None = None,
    num_classes: int | None = None,
    mask: Path | None = None,
) -> PrunedFilters:
    """Read a network's weights and mask, whichever tool wrote them, and remove filters from it.

    All arguments as `prune_saved` takes them. What the mask has pruned stays zero in what is left.
    Raises what it and `prune_filters` raise.
    """
    check_for_filters(settings)
    network, saved = open_saved(name, weights, num_classes, mask, key)
    if saved.mask is not None:
        MaskKeeper(network.module, saved.mask)
    return prune_loaded(network, settings, saved.mask)


def prune_loaded(
    network: LoadedNetwork, settings: PruneSettings, mask: Mask | None = None
) -> PrunedFilters:
    """Remove filters from a network that was loaded, of which some may be gone already.

    mask: of single weights, in the network's shapes.
    """
    side = network.input.resolution if network.input else None
    dense, before = network.module, None
    tensors: dict[str, Tensor] = dict(mask or {})
    if network.units is not None:
        dense = build(network.name, num_classes=network.num_classes, seed=0).eval()
        shapes = {name: tuple(tensor.shape) for name, tensor in dense.state_dict().items()}
        groups = within_prunable(find_groups(dense, resolution=side), dense, settings.prunable)
        before = groups.survivors(network.units)
        dense.load_state_dict(groups.expanded(before, network.module.state_dict(), shapes))
        tensors = groups.expanded(before, tensors, {name: shapes[name] for name in tensors})
    else:
        groups = within_prunable(find_groups(dense, resolution=side), dense, settings.prunable)
    small = prune_filters(dense, settings, groups=groups, before=before, resolution=side)
    small = replace(small, input=network.input)
    return PrunedFilters(
        network=replace(network, module=small.module, units=_numbered(network, small)),
        mask=_mask_of(small, groups, tensors, settings),
        small=small,
        parameters=count_parameters(dense),
    )


def _numbered(network: LoadedNetwork, small: SmallNetwork) -> dict[str, tuple[int, ...]] | None:
    """Return the units that are left; None where the network's own numbers are not known."""
    return None if network.unnumbered else dict(small.units)


def _mask_of(
    small: SmallNetwork, groups: ChannelGroups, tensors: dict[str, Tensor], settings: PruneSettings
) -> Mask:
    """Return the mask of the prunable weights that are left, of which some are zero."""
    names = prunable_names(small.module, settings.prunable, behaviour_of(small.module))
    ones = Mask.ones(small.module, names)
    left = groups.shrunk(small.survivors, tensors) if tensors else {}
    return Mask({name: left.get(name, kept).bool() for name, kept in ones.items()})
