"""Which parameters does weight decay apply to?"""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from prunescope.training.settings import Decayed

_NORMALISATIONS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


def decay_groups(network: nn.Module, weight_decay: float, on: Decayed) -> list[dict[str, Any]]:
    """Return the parameters for an optimizer, in groups of equal weight decay.

    on: "all" decays every parameter. "not-normalisation" spares the parameters of normalisation
        layers (the ResNet-50 of Frankle & Bau 2019). "weights" spares all other biases, too
        ("no bias decay" of He et al. 2019, Bag of Tricks, section 3.1).
    """
    spared = set() if on == "all" else _of_normalisation(network)
    if on == "weights":
        spared |= {name for name, _ in network.named_parameters() if name.endswith("bias")}
    parameters = list(network.named_parameters())
    decayed = [parameter for name, parameter in parameters if name not in spared]
    rest = [parameter for name, parameter in parameters if name in spared]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _of_normalisation(network: nn.Module) -> set[str]:
    return {
        f"{path}.{name}" if path else name
        for path, module in network.named_modules()
        if isinstance(module, _NORMALISATIONS)
        for name, _ in module.named_parameters()
    }
