"""What is a network without its pruned channels, and which of its units are left?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.wrappers import without_wrappers
from prunescope.imaging.network_input import NetworkInput
from prunescope.networks.images import random_images
from prunescope.networks.registry import module_input
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.slicing import masked_copy, plain_copy, small_copy
from prunescope.pruning.filters.trying import check_same
from prunescope.pruning.mask import Mask

_ALIKE = 1e-4  # of the largest value of a layer's output


@dataclass(frozen=True, kw_only=True)
class SmallNetwork:
    """A network without its pruned channels.

    module: in evaluation mode, on the CPU, in float32.
    units: of every module whose output has lost channels, the numbers that those left have in the
        dense network, ascending.
    survivors: which channel groups are left, by the names of the coupled sets. mask: the same over
        the dense network's tensors, False for all that went: the filters' weights and biases, the
        normalisation's gain, shift and statistics, the inputs of the next layers.
    whole: why other coupled sets kept all their channels, by their names.
    difference: by how much the network differs from the masked one on random images, of the
        largest output.
    input: what the network expects to see, if known.
    """

    module: nn.Module
    units: Mapping[str, tuple[int, ...]]
    survivors: Mask
    mask: Mask
    whole: Mapping[str, str]
    difference: float
    input: NetworkInput | None = None

    @property
    def keep(self) -> float:
        """The share of the removable channel groups that is left."""
        return self.survivors.keep


def remove_filters(
    network: nn.Module, groups: ChannelGroups, survivors: Mask, *, resolution: int | None = None
) -> SmallNetwork:
    """Return a copy of a network without the channel groups that do not survive.

    network: of the dense shapes; it stays as it is. survivors: as `ChannelGroups.everything`.
    resolution: side in pixels of the random images on which it is compared with the masked
        network; None as for `random_images`.
    Raises ConfigError where the two predict differently (`check_same`).
    """
    with without_wrappers(network) as plain:
        dense = plain_copy(plain)
    images = random_images(dense, resolution)
    masked, small = (make(dense, groups, survivors) for make in (masked_copy, small_copy))
    lost = [name for name, kept in survivors.items() if not bool(kept.all())]
    apart = check_same(masked, small, images, lost)
    seen = _units_of_modules(masked, small, groups, survivors, images)
    units = {**seen, **groups.units(survivors)}
    return SmallNetwork(
        module=small,
        units={name: units[name] for name, _ in dense.named_modules() if name in units},
        survivors=survivors,
        mask=groups.weight_mask(survivors, dense.state_dict()),
        whole=groups.whole,
        difference=apart,
        input=module_input(dense),
    )


def _units_of_modules(
    masked: nn.Module, small: nn.Module, groups: ChannelGroups, survivors: Mask, images: Tensor
) -> dict[str, tuple[int, ...]]:
    """Return which channels of each module's output are left.

    They are those indices, of any tensor's along any axis, at which the masked network's output is
    the small one's. A module for which none fits is left out.
    """
    candidates: dict[tuple[int, int], dict[tuple[int, ...], None]] = {}
    for length, kept in groups.kept_along(survivors):
        candidates.setdefault((length, len(kept)), {})[kept] = None
    outputs: dict[str, Tensor] = {}
    units: dict[str, tuple[int, ...]] = {}

    def match(name: str, whole: Tensor) -> None:
        output = outputs.get(name)
        if output is not None and whole.dim() == output.dim():
            kept = _matching(whole, output, candidates)
            if kept is not None:
                units[name] = kept

    def remember(name: str, output: Tensor) -> None:
        outputs[name] = output.clone()  # the next layer may work in place

    with torch.no_grad():
        for network, see in ((small, remember), (masked, match)):
            _show_hooked(network, images[:1], see)
    return units


def _matching(
    whole: Tensor,
    output: Tensor,
    candidates: dict[tuple[int, int], dict[tuple[int, ...], None]],
) -> tuple[int, ...] | None:
    axes = [axis for axis in range(whole.dim()) if whole.shape[axis] != output.shape[axis]]
    if len(axes) != 1:
        return None
    sizes = (whole.shape[axes[0]], output.shape[axes[0]])
    limit = _ALIKE * float(whole.abs().max())
    for kept in candidates.get(sizes, {}):
        if float((whole.index_select(axes[0], torch.tensor(kept)) - output).abs().max()) <= limit:
            return kept
    return None


def _show_hooked(network: nn.Module, images: Tensor, see: Callable[[str, Tensor], None]) -> None:
    def hook(name: str) -> Callable[..., None]:
        def seen(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.is_floating_point():
                see(name, output)

        return seen

    handles = [m.register_forward_hook(hook(name)) for name, m in network.named_modules() if name]
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
