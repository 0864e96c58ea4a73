"""Which coupled sets can lose channels, so that the network predicts what it would if masked?

A zero-padded shortcut shifts channels, and torch-pruning does not see it; a normalisation over
channels counts those that are only masked. So each set is tried: on a copy with random weights,
which hides nothing behind gains of zero, some of its groups are masked, and removed.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import torch_generator
from prunescope.base.text import on_one_line, shortened
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.slicing import masked_copy, small_copy
from prunescope.pruning.mask import Mask
from prunescope.pruning.trial import copied

TOLERANCE = 1e-5
"""By how much a small network's outputs may differ from the masked one's, of the largest."""
_TRIED = 1e-4  # of random weights, which let errors of rounding grow
_SHARE = 0.3  # of the groups of a set that are removed in a trial


def tried(network: nn.Module, groups: ChannelGroups, images: Tensor) -> ChannelGroups:
    """Return the groups, with the sets left whole that cannot lose channels.

    images: a batch that the network takes. All sets are tried together, and one after the other
    only if that fails.
    """
    if not groups.removable:
        return groups
    trial = _Trial(network, groups, images)
    names = [each.name for each in groups.removable]
    if trial.fault(names) is None:
        return groups
    accepted: list[str] = []
    reasons: dict[str, str] = {}
    for name in names:
        fault = trial.fault([*accepted, name])
        if fault is None:
            accepted.append(name)
        else:
            reasons[name] = fault
    return groups.left_whole(reasons)


def difference(first: Any, second: Any) -> float:
    """Return the largest difference of two networks' outputs, as a share of the largest value.

    Infinite where they differ in form or shape, or are not finite.
    """
    pairs = [[leaf for leaf in tree_leaves(x) if isinstance(leaf, Tensor)] for x in (first, second)]
    if [each.shape for each in pairs[0]] != [each.shape for each in pairs[1]]:
        return float("inf")
    largest = 0.0
    for a, b in zip(*pairs, strict=True):
        if a.numel():
            apart = float((a - b).abs().max()) / max(float(a.abs().max()), 1e-30)
            largest = max(largest, apart if apart == apart else float("inf"))
    return largest


class _Trial:
    """A copy of a network with random weights, of which channel groups are masked and removed."""

    def __init__(self, network: nn.Module, groups: ChannelGroups, images: Tensor) -> None:
        self._network = copied(network)
        self._groups, self._images = groups, images
        generator = torch_generator(0, "filters")
        _randomise(self._network, generator)
        self._survivors = {
            name: _some(len(kept), generator) for name, kept in groups.everything.items()
        }

    @torch.no_grad()
    def fault(self, names: Iterable[str]) -> str | None:
        """Remove some groups of these sets; say what is wrong with that, or None."""
        chosen = set(names)
        survivors = Mask(
            {
                name: kept if name in chosen else torch.ones_like(kept)
                for name, kept in self._survivors.items()
            }
        )
        masked = masked_copy(self._network, self._groups, survivors)(self._images)
        try:
            small = small_copy(self._network, self._groups, survivors)(self._images)
        except Exception as error:  # noqa: BLE001  # whatever a network raises that counts on its channels
            return f"the network fails without some ({on_one_line(shortened(str(error)))})"
        apart = difference(masked, small)
        if apart <= _TRIED:
            return None
        if apart == float("inf"):
            return "the network puts out something else without some"
        return (
            "the network without some does not predict what it does where they are masked (it "
            f"differs by {apart:.2g} of the largest output): it shifts, mixes or counts them"
        )


def check_same(
    masked: nn.Module, small: nn.Module, images: Tensor, names: Iterable[str] = ()
) -> float:
    """Return by how much a small network differs from the masked one, at most TOLERANCE.

    names: of the sets that lost channels, for the message. Where float32 is too coarse to tell,
    both compute in float64. Raises ConfigError where they differ by more.
    """
    with torch.no_grad():
        apart = difference(masked(images), small(images))
        if apart > TOLERANCE:
            wide = [copied(each).double()(images.double()) for each in (masked, small)]
            apart = difference(*wide)
    if apart > TOLERANCE:
        raise ConfigError(
            "the network without its pruned filters does not predict what it does where they are "
            f"masked: it differs by {apart:.2g} of the largest output (at most {TOLERANCE:g} is "
            f"allowed). Of these sets channels were removed: {', '.join(names)}"
        )
    return apart


def _some(count: int, generator: torch.Generator) -> Tensor:
    """Return which of so many groups survive a trial: at least one, and not all of several."""
    gone = min(max(1, round(_SHARE * count)), count - 1)
    kept = torch.ones(count, dtype=torch.bool)
    kept[torch.randperm(count, generator=generator)[:gone]] = False
    return kept


def _randomise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights as He et al. 2015, gains and variances from 0.5 to 1.5, all else around 0."""
    with torch.no_grad():
        for name, tensor in (*network.named_parameters(), *network.named_buffers()):
            last = name.rpartition(".")[2]
            if not tensor.is_floating_point():
                continue
            if isinstance(tensor, nn.Parameter) and tensor.dim() > 1:
                scale = (2 / max(1, tensor[0].numel())) ** 0.5
                tensor.copy_(scale * torch.randn(tensor.shape, generator=generator))
            elif last in ("bias", "running_mean"):
                tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
            elif last == "running_var" or isinstance(tensor, nn.Parameter):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
