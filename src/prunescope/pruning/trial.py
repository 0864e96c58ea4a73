"""Is a weight of zero still zero when a network computes with it?

A convolution may standardise its weights as it runs (timm's `StdConv2d`), or a block those of its
layers, so that pruned weights do not stay zero. This is tried on a copy, half of whose weights are
zero: each weight is followed through the functions that rearrange or alter it to the function that
computes with it, where the zeros must still be zeros.
"""

import copy
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from prunescope.base.errors import ConfigError
from prunescope.base.modes import device_of, in_mode
from prunescope.base.seeding import torch_generator
from prunescope.base.showing import show
from prunescope.networks.images import SIDES, image_channels
from prunescope.networks.registry import module_input
from prunescope.pruning.acting import CONVOLUTIONS, LAYER_TYPES, has_own_code, is_computed

_REARRANGING = frozenset(
    (
        *("reshape", "view", "reshape_as", "view_as", "flatten", "unflatten", "ravel", "squeeze"),
        *("unsqueeze", "t", "T", "mT", "H", "transpose", "swapaxes", "swapdims", "permute"),
        *("movedim", "moveaxis", "expand", "expand_as", "repeat", "tile", "repeat_interleave"),
        *("getitem", "select", "narrow", "chunk", "split", "split_with_sizes", "tensor_split"),
        *("unbind", "flip", "rot90", "roll", "unfold", "as_strided", "pad", "broadcast_to"),
    )
)
_COMPUTING = frozenset(
    (
        *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"),
        *("conv_transpose3d", "linear", "bilinear", "matmul", "rmatmul", "mm", "bmm", "mv", "dot"),
        *("addmm", "addbmm", "baddbmm", "addmv", "einsum", "tensordot", "inner", "outer", "kron"),
        "multi_head_attention_forward",
    )
)
_SUMMARISING = frozenset(
    (
        *("sum", "mean", "var", "std", "var_mean", "std_mean", "norm", "vector_norm"),
        *("matrix_norm", "amax", "amin", "max", "min", "aminmax", "prod", "median", "quantile"),
        *("numel", "size", "shape", "dim", "ndim", "dtype", "device", "all", "any", "item"),
        *("isfinite", "isnan", "count_nonzero", "logsumexp", "stride", "is_contiguous", "grad"),
    )
)


def acts_as_stored(layer: nn.Module) -> bool:
    """Return whether a layer's weights of zero are still zero when it computes with them.

    It is shown the smallest map that it takes; if it takes none, the answer is yes.
    """
    if is_computed(layer):
        return False
    if type(layer) in LAYER_TYPES and not layer._forward_pre_hooks:
        return True
    trial = _Trial(layer)
    return not trial.succeeds(_smallest_map(layer)) or not trial.altered


def altered_in(network: nn.Module) -> set[str] | None:
    """Return the first names of the parameters whose zeros a network's own code changes.

    None if that cannot be tried, because the network cannot be copied or takes no image of a usual
    size. Networks that only run the libraries' code change none.
    """
    if not has_own_code(network):
        return set()
    try:
        trial = _Trial(network)
    except Exception:  # noqa: BLE001  # of whatever a user's module holds: locks, files
        return None
    channels = image_channels(network)
    fits = any(trial.succeeds(torch.zeros(1, channels, side, side)) for side in SIDES)
    return trial.altered if fits else None


def usual_shape(network: nn.Module) -> tuple[int, int, int]:
    """Return channels, height and width of the images that a network takes.

    What its library states; else the first of the usual sizes that it can be shown.
    Raises ConfigError where it takes none.
    """
    stated = module_input(network)
    if stated is not None:
        return (len(stated.mean), stated.resolution, stated.resolution)
    channels = image_channels(network)
    for side in SIDES:
        with suppress(ConfigError), in_mode(network, training=False), torch.no_grad():
            show(network, torch.zeros(1, channels, side, side, device=device_of(network)))
            return channels, side, side
    raise ConfigError(
        f"{type(network).__name__} takes no image of a usual size (from 8 to 512 pixels), so that "
        "it cannot be shown an input of ones"
    )


class _Trial:
    """A copy of a module in which half of the weights are zero.

    altered: the names of the weights whose zeros were changed before they were computed with.
    """

    def __init__(self, module: nn.Module) -> None:
        self.altered: set[str] = set()
        self._copy = copied(module).float().cpu().eval()
        self._weights = {
            name: weight
            for name, weight in self._copy.named_parameters()
            if weight.dim() > 1 and weight.is_floating_point()
        }

    @torch.no_grad()
    def succeeds(self, images: Tensor) -> bool:
        """Show it images, and return whether it takes them."""
        generator = torch_generator(0, "trial")
        follower = _Follower()
        for name, weight in self._weights.items():
            kept = torch.rand(weight.shape, generator=generator) < 0.5
            values = torch.randn(weight.shape, generator=generator)
            weight.data = torch.where(kept, values, 0)
            follower.follow(weight, kept, {name})
        try:
            with torch.random.fork_rng(devices=[]), follower:
                self._copy(images)
        except (Exception, SystemExit):  # noqa: BLE001  # whatever user code raises
            return False
        self.altered = follower.altered
        return True


class _Follower(TorchFunctionMode):
    """Follows weights through the functions that are called with them.

    altered: the names of the weights whose zeros were changed before they were computed with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.altered: set[str] = set()
        self._followed: dict[int, tuple[Tensor, Tensor, set[str]]] = {}

    def follow(self, weight: Tensor, kept: Tensor, names: set[str]) -> None:
        """Follow a tensor that was made of weights. kept: where it may differ from zero."""
        self._followed[id(weight)] = (weight, kept, names)  # which keeps its id

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        name = _name_of(func)
        followed = [tensor for tensor in _tensors((args, named)) if id(tensor) in self._followed]
        if not followed or name in _SUMMARISING:
            return func(*args, **named)
        result = func(*args, **named)
        if name in _REARRANGING:
            self._rearrange(func, args, named, result)
        elif name in _COMPUTING or not self._alter(followed, result):
            self._check(followed)
        return result

    def _check(self, followed: list[Tensor]) -> None:
        for tensor in followed:
            _, kept, names = self._followed[id(tensor)]
            if kept.shape != tensor.shape or bool((tensor[~kept] != 0).any()):
                self.altered |= names

    def _rearrange(self, func: Any, args: Any, named: Any, result: Any) -> None:
        masks = [self._followed[id(t)] for t in _tensors((args, named)) if id(t) in self._followed]
        names = set().union(*(names for _, _, names in masks))
        numbers = {id(tensor): kept.to(tensor.dtype) for tensor, kept, _ in masks}
        inputs = tree_map(lambda leaf: numbers.get(id(leaf), leaf), (args, named))
        kept = func(*inputs[0], **inputs[1])  # numbers, for not all functions take truths
        for tensor, mask in zip(_tensors(result), _tensors(kept), strict=True):
            self.follow(tensor, mask != 0, names)

    def _alter(self, followed: list[Tensor], result: Any) -> bool:
        """Follow results of the shape of a weight; return whether all results are followed."""
        results = _tensors(result)
        for tensor in results:
            alike = [t for t in followed if self._followed[id(t)][1].shape == tensor.shape]
            if alike and tensor.is_floating_point():
                kept = torch.stack([self._followed[id(t)][1] for t in alike]).any(dim=0)
                names = set().union(*(self._followed[id(t)][2] for t in alike))
                self.follow(tensor, kept, names)
        return all(id(tensor) in self._followed for tensor in results)


def _name_of(func: Any) -> str:
    """Return the name of a function or property without underscores around it."""
    name = str(getattr(func, "__name__", ""))
    if name in ("__get__", "__set__"):
        name = str(getattr(getattr(func, "__self__", None), "__name__", ""))
    return name.strip("_")


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def copied(module: nn.Module) -> nn.Module:
    """Return a copy, also if modules hold tensors of a graph, which torch does not copy."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for tensor in _tensors({k: v for k, v in vars(part).items() if not k.startswith("_")}):
            if not tensor.is_leaf:
                memo[id(tensor)] = tensor.detach().clone()
    return copy.deepcopy(module, memo)


def _smallest_map(layer: nn.Module) -> Tensor:
    if isinstance(layer, nn.Linear):
        return torch.zeros(1, layer.in_features)
    assert isinstance(layer, CONVOLUTIONS)
    sizes = zip(layer.kernel_size, layer.dilation, strict=True)
    sides = [max(1, dilation * (size - 1) + 1) for size, dilation in sizes]
    return torch.zeros([1, layer.in_channels, *sides])
