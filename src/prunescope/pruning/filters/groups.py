"""Which channels of a network stay or go together?

A channel group is what cannot be removed in parts: the filters that make a channel, in every layer
that is added to or multiplied with the first one, what normalises it, and the inputs of the layers
that read it. Groups of the same layers compete: they form a coupled set.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import counted
from prunescope.networks.units import Units
from prunescope.pruning.mask import Mask

NO_GROUP = -1
"""The number in place of a group's for channels that no group holds."""


@dataclass(frozen=True, kw_only=True)
class CoupledSet:
    """Layers whose filters are in the same channel groups.

    name: the first of the layers, in the network's order. groups: how many. whole: why none of
    them can be removed; None where they can.
    """

    name: str
    layers: tuple[str, ...]
    groups: int
    whole: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChannelGroups:
    """The channel groups of a network, numbered set by set, within a set by their first filter.

    sets: the coupled sets, in the network's order.
    axes: of each tensor by its state dict key, along which axes it has channels of groups, and the
        group of each index there. Along the inputs of a grouped convolution an index stands for
        the input at that position in every group of the convolution.
    filters: the group of each filter of each layer. transposed: layers whose weight has its outputs
        along the second axis.
    Indices that no group holds have NO_GROUP. Which groups are left is said by a mask with a
    tensor for each removable set, under its name, of one value a group (`everything`).
    """

    sets: tuple[CoupledSet, ...]
    axes: Mapping[str, Mapping[int, Int64[Tensor, " index"]]]
    filters: Mapping[str, Int64[Tensor, " filter"]]
    transposed: frozenset[str] = frozenset()

    @property
    def removable(self) -> tuple[CoupledSet, ...]:
        """The sets whose groups can be removed."""
        return tuple(each for each in self.sets if each.whole is None)

    @property
    def whole(self) -> dict[str, str]:
        """Why sets stay as they are, by their names."""
        return {each.name: each.whole for each in self.sets if each.whole is not None}

    @property
    def everything(self) -> Mask:
        """The mask of the unpruned network: all removable groups survive.

        Raises ConfigError where none is removable.
        """
        if not self.removable:
            reasons = "; ".join(f"{name}: {why}" for name, why in list(self.whole.items())[:3])
            raise ConfigError(
                f"no filter of the network can be removed ({reasons or 'it has none'}): prune its "
                "weights instead"
            )
        return Mask(
            {each.name: torch.ones(each.groups, dtype=torch.bool) for each in self.removable}
        )

    def left_whole(self, reasons: Mapping[str, str]) -> "ChannelGroups":
        """Return the groups with more sets that stay whole, by the reasons for it."""
        sets = (replace(each, whole=reasons.get(each.name, each.whole)) for each in self.sets)
        return replace(self, sets=tuple(sets))

    def weight_mask(self, survivors: Mask, state: Mapping[str, Tensor]) -> Mask:
        """Return the mask of all that goes with the groups that do not survive.

        survivors: as `everything`. state: the network's state dict. It covers filters and biases,
        the normalisation's gain, shift and running statistics, and the inputs of the next layers:
        each tensor that has channels of removable groups, in the order of the state dict.
        """
        alive = self._alive(survivors)
        tensors = {}
        for key, axes in self._in_order(state):
            kept = torch.ones(state[key].shape, dtype=torch.bool)
            for axis, groups in axes.items():
                kept &= alive[groups].reshape([-1 if i == axis else 1 for i in range(kept.dim())])
            tensors[key] = kept
        return Mask(tensors)

    def lost(
        self, survivors: Mask, state: Mapping[str, Tensor]
    ) -> Iterator[tuple[str, int, Int64[Tensor, " index"]]]:
        """Yield the tensors that lose channels, along which axis, and which, as `weight_mask`."""
        alive = self._alive(survivors)
        for key, axes in self._in_order(state):
            for axis, groups in axes.items():
                gone = (~alive[groups]).nonzero().squeeze(1)
                if len(gone):
                    yield key, axis, gone

    def shrunk(self, survivors: Mask, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a dense state dict without the groups that do not survive."""
        alive = self._alive(survivors)
        small = dict(state)
        for key, axes in self._in_order(state):
            for axis, groups in axes.items():
                kept = alive[groups].nonzero().squeeze(1).to(small[key].device)
                small[key] = small[key].index_select(axis, kept)
        return small

    def expanded(
        self, survivors: Mask, small: Mapping[str, Tensor], dense: Mapping[str, Sequence[int]]
    ) -> dict[str, Tensor]:
        """Return a small network's state dict in the dense shapes, zero where channels are gone.

        dense: the shapes, by key. Raises DataError where the small one lacks other channels.
        """
        alive = self._alive(survivors)
        wide = dict(small)
        for key, axes in self._in_order(dense):
            for axis, groups in axes.items():
                kept = alive[groups].nonzero().squeeze(1).to(wide[key].device)
                if len(kept) != wide[key].shape[axis]:
                    raise DataError(
                        f"{key} has {wide[key].shape[axis]:,} channels along axis {axis}, but "
                        f"{len(kept):,} are said to be left"
                    )
                shape = [*wide[key].shape[:axis], len(groups), *wide[key].shape[axis + 1 :]]
                wide[key] = wide[key].new_zeros(shape).index_copy(axis, kept, wide[key])
        return wide

    def units(self, survivors: Mask) -> dict[str, tuple[int, ...]]:
        """Return which filters of each layer that has lost some are left, by their numbers."""
        alive = self._alive(survivors)
        kept = {layer: alive[groups] for layer, groups in self.filters.items()}
        return {
            layer: tuple(left.nonzero().squeeze(1).tolist())
            for layer, left in kept.items()
            if not bool(left.all())
        }

    def survivors(self, units: Units) -> Mask:
        """Return the mask of the groups that are left, given which filters of each layer are.

        units: as `units` returns them; further layers are not looked at.
        Raises DataError where they are not those of whole groups, or of a set that stays whole.
        """
        alive = torch.ones(self._count, dtype=torch.bool)
        for layer, groups in self.filters.items():
            if layer in units:
                gone = torch.ones(len(groups), dtype=torch.bool)
                gone[[unit for unit in units[layer] if unit < len(groups)]] = False
                alive[groups[gone & (groups != NO_GROUP)]] = False
        pieces = torch.split(alive, [each.groups for each in self.sets])
        named = {each.name: left for each, left in zip(self.sets, pieces, strict=True)}
        mask = Mask({each.name: named[each.name] for each in self.removable})
        stated = {layer: tuple(units[layer]) for layer in self.filters if layer in units}
        if self.units(mask) != {
            layer: kept for layer, kept in stated.items() if len(kept) < len(self.filters[layer])
        }:
            raise DataError("the units that are left are not those of whole channel groups")
        return mask

    def kept_along(self, survivors: Mask) -> Iterable[tuple[int, tuple[int, ...]]]:
        """Yield the length of each axis that loses channels, and the indices that are left."""
        alive = self._alive(survivors)
        for axes in self.axes.values():
            for groups in axes.values():
                left = alive[groups]
                if not bool(left.all()):
                    yield len(groups), tuple(left.nonzero().squeeze(1).tolist())

    @cached_property
    def _count(self) -> int:
        return sum(each.groups for each in self.sets)

    def _alive(self, survivors: Mask) -> Bool[Tensor, " group"]:
        """Return whether each group survives; the last value stands for NO_GROUP, and is True."""
        expected = {each.name: each.groups for each in self.removable}
        if {name: len(kept) for name, kept in survivors.items()} != expected:
            raise DataError(
                f"the mask of channel groups is another network's: it has {', '.join(survivors)}, "
                f"but here are {counted(len(expected), 'set')}: {', '.join(expected)}"
            )
        parts = [
            survivors[each.name].cpu()
            if each.whole is None
            else torch.ones(each.groups, dtype=torch.bool)
            for each in self.sets
        ]
        return torch.cat([*parts, torch.ones(1, dtype=torch.bool)])

    def _in_order(
        self, tensors: Mapping[str, object]
    ) -> Iterable[tuple[str, Mapping[int, Int64[Tensor, " index"]]]]:
        """Yield the tensors that have channels of removable groups, in an order of keys."""
        for key in tensors:
            if key in self._touched:
                yield key, self.axes[key]

    @cached_property
    def _touched(self) -> frozenset[str]:
        """The keys of tensors that have channels of removable groups."""
        flags = [
            torch.full((each.groups,), each.whole is None, dtype=torch.bool) for each in self.sets
        ]
        removable = torch.cat([*flags, torch.zeros(1, dtype=torch.bool)])
        return frozenset(
            key
            for key, axes in self.axes.items()
            if any(bool(removable[groups].any()) for groups in axes.values())
        )
