"""How does a network take tensors with fewer channels than it was built with?

Its layers get tensors of the new shapes, and the attributes that say the same (`out_channels`,
`groups`, `num_features`). Nothing else changes, so that code which counts on a number of channels
fails, or computes something else: whoever resizes a network tries it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

Shapes = Mapping[str, Sequence[int]]


def resize_layers(network: nn.Module, shapes: Shapes) -> None:
    """Give a network's tensors these shapes, in place; those that change are filled with zeros.

    shapes: by state dict key; tensors that are not named keep theirs. A tensor that several
    modules share stays shared. A depthwise convolution stays one: its groups follow its channels.
    """
    made: dict[int, tuple[Tensor, Tensor]] = {}
    for path, module in network.named_modules():
        depthwise = is_depthwise(module)
        changed = False
        tables: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
        for table in tables:
            for key, tensor in table.items():
                shape = shapes.get(f"{path}.{key}" if path else key)
                if tensor is None or shape is None or tuple(tensor.shape) == tuple(shape):
                    continue
                if id(tensor) not in made:
                    made[id(tensor)] = (tensor, _empty_like(tensor, shape))
                table[key] = made[id(tensor)][1]
                changed = True
        if changed:
            _describe_anew(module, depthwise)


def is_depthwise(module: nn.Module) -> bool:
    """Return whether a module is a convolution with one filter for each channel."""
    if not isinstance(module, _ConvNd):
        return False
    return 1 < module.groups == module.in_channels == module.out_channels


def is_smaller(shape: Sequence[int], dense: Sequence[int]) -> bool:
    """Return whether a tensor has as many axes, and of channels no more, than another.

    The first two axes may hold channels; those of a kernel behind them must be equal.
    """
    if len(shape) != len(dense) or tuple(shape[2:]) != tuple(dense[2:]):
        return False
    return all(0 < few <= many for few, many in zip(shape, dense, strict=True))


def _empty_like(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    values = tensor.detach().new_zeros(tuple(shape))
    return (
        nn.Parameter(values, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else values
    )


def _describe_anew(module: nn.Module, depthwise: bool) -> None:
    """Let a layer's attributes say what the shapes of its tensors say."""
    weight = getattr(module, "weight", None)
    shape = weight.shape if isinstance(weight, Tensor) else torch.Size()
    if isinstance(module, _ConvNd):
        if depthwise:
            module.groups = shape[0]
        first, second = shape[0], shape[1] * module.groups
        module.in_channels, module.out_channels = (
            (first, second) if module.transposed else (second, first)
        )
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = shape
    elif isinstance(module, _NormBase):
        held = module.running_mean if module.weight is None else module.weight
        if held is not None:
            module.num_features = len(held)
    elif isinstance(module, nn.GroupNorm):
        module.num_channels = shape[0]
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = tuple(shape)
    elif isinstance(module, nn.PReLU):
        module.num_parameters = shape[0]
    elif isinstance(module, nn.Embedding):
        module.num_embeddings, module.embedding_dim = shape
