"""Which tensors of a network may be pruned?"""

from typing import Literal

from torch import nn

from prunescope.base.errors import ConfigError

Prunable = Literal["all", "conv", "conv+shortcut"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_SHORTCUTS = {"downsample", "shortcut"}
_CLASSIFIERS = {"classifier"}  # SqueezeNet's is a convolution


def prunable_names(network: nn.Module, convention: Prunable) -> tuple[str, ...]:
    """Return the state-dict keys of the tensors a convention prunes, in state-dict order.

    all: weights of convolutions and linear layers (OpenLTH; Renda et al. 2020).
    conv: weights of convolutions but those of shortcuts, which are modules named "downsample" or
        "shortcut", and of the classifier (the ResNet-50 of Frankle & Bau 2019).
    conv+shortcut: weights of all convolutions but those of the classifier.
    Biases and normalisation are never pruned; a weight that two modules share is named once.
    Raises ConfigError if nothing is left to prune.
    """
    names = tuple(
        name
        for name, _ in network.named_parameters()
        if _is_prunable(network, *name.rpartition(".")[::2], convention)
    )
    if not names:
        raise ConfigError(f'no tensor of the network is prunable by the convention "{convention}"')
    return names


def _is_prunable(network: nn.Module, path: str, parameter: str, convention: Prunable) -> bool:
    module, parts = network.get_submodule(path), set(path.split("."))
    if parameter != "weight":
        return False
    match convention:
        case "all":
            return isinstance(module, (*_CONVOLUTIONS, nn.Linear))
        case "conv":
            return isinstance(module, _CONVOLUTIONS) and not parts & (_SHORTCUTS | _CLASSIFIERS)
        case "conv+shortcut":
            return isinstance(module, _CONVOLUTIONS) and not parts & _CLASSIFIERS
