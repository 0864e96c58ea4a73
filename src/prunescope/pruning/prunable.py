"""Which tensors of a network may be pruned?"""

from typing import Literal

from torch import nn

from prunescope.base.errors import ConfigError

Prunable = Literal["all", "conv", "conv+shortcut"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
_LEFT_OUT: dict[Prunable, set[str]] = {
    "all": set(),
    "conv": {"downsample", "shortcut", "classifier"},
    "conv+shortcut": {"classifier"},  # SqueezeNet's is a convolution
}
"""Names of modules whose weights, and those of the modules inside them, stay."""


def prunable_names(network: nn.Module, convention: Prunable) -> tuple[str, ...]:
    """Return the state-dict keys of the tensors a convention prunes, in state-dict order.

    all: weights of convolutions and linear layers (OpenLTH; Renda et al. 2020), and those by which
        torch's attention makes queries, keys and values: linear layers that are no modules of
        their own there (`in_proj_weight`, or `q_proj_weight` and so on), as they are in timm's.
    conv: weights of convolutions but those of the classifier and of shortcuts, which are modules
        named "downsample" or "shortcut" (the ResNet-50 of Frankle & Bau 2019).
    conv+shortcut: weights of convolutions but those of the classifier.
    Biases and normalisation are never pruned; a weight that two modules share is named once.
    Raises ConfigError if nothing is left to prune.
    """
    parameters = (name for name, _ in network.named_parameters())
    names = tuple(name for name in parameters if _is_prunable(network, name, convention))
    if not names:
        raise ConfigError(f'no tensor of the network is prunable by the convention "{convention}"')
    return names


def _is_prunable(network: nn.Module, name: str, convention: Prunable) -> bool:
    path, _, parameter = name.rpartition(".")
    module = network.get_submodule(path)
    if isinstance(module, nn.MultiheadAttention):
        return convention == "all" and parameter in _PROJECTIONS
    kinds = (*_CONVOLUTIONS, nn.Linear) if convention == "all" else _CONVOLUTIONS
    return (
        parameter == "weight"
        and isinstance(module, kinds)
        and _LEFT_OUT[convention].isdisjoint(path.split("."))
    )
