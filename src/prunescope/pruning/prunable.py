"""Which tensors of a network may be pruned?"""

from typing import Literal

from torch import nn

from prunescope.base.errors import ConfigError

Prunable = Literal["all", "conv", "conv+shortcut"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_SHORTCUTS = ("downsample", "shortcut")


def prunable_names(network: nn.Module, convention: Prunable) -> tuple[str, ...]:
    """Return the state-dict keys of the tensors a convention prunes, in state-dict order.

    all: weights of convolutions and linear layers (OpenLTH; Renda et al. 2020).
    conv: weights of convolutions but those of shortcuts (the ResNet-50 of Frankle & Bau 2019).
    conv+shortcut: weights of all convolutions.
    Biases and normalisation are never pruned. Raises ConfigError if nothing is left to prune.
    """
    wanted: tuple[type[nn.Module], ...] = _CONVOLUTIONS
    if convention == "all":
        wanted = (*_CONVOLUTIONS, nn.Linear)
    names = {
        f"{name}.weight" if name else "weight"
        for name, module in network.named_modules()
        if isinstance(module, wanted) and not (convention == "conv" and _is_shortcut(name))
    }
    ordered = tuple(name for name in network.state_dict() if name in names)
    if not ordered:
        raise ConfigError(f'no tensor of the network is prunable by the convention "{convention}"')
    return ordered


def _is_shortcut(name: str) -> bool:
    return any(part in _SHORTCUTS for part in name.split("."))
