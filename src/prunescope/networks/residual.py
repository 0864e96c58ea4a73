"""How are residual blocks initialised to be their shortcuts?"""

import re

from torch import nn

from prunescope.base.errors import ConfigError

_LAST = re.compile(r"bn\d+")


def zero_last_gammas(network: nn.Module, name: str) -> None:
    """Set the gain of the last normalisation of every residual block to 0.

    A residual block is a module of the class BasicBlock or Bottleneck, as torchvision, timm and
    `cifar_resnet` call them; its normalisations are its children bn1, bn2, ..., in this order.
    name: what the network is called, for messages. Raises ConfigError where it has no such block.
    Source: Goyal et al. 2017 (arXiv 1706.02677), section 5.1.
    """
    gains = [gain for module in network.modules() if (gain := _last_gain(module)) is not None]
    if not gains:
        raise ConfigError(
            f"training.zero_last_gamma is for residual networks, but {name} has no block of the "
            "class BasicBlock or Bottleneck with batch normalisations bn1, bn2, ...: leave it out"
        )
    for gain in gains:
        nn.init.zeros_(gain)


def _last_gain(module: nn.Module) -> nn.Parameter | None:
    if type(module).__name__ not in ("BasicBlock", "Bottleneck"):
        return None
    norms = sorted(child for child, _ in module.named_children() if _LAST.fullmatch(child))
    gain = getattr(getattr(module, norms[-1]), "weight", None) if norms else None
    return gain if isinstance(gain, nn.Parameter) else None
