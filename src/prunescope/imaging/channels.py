"""How many channels does a network take?"""

from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted
from prunescope.imaging.normalise import COLOURS

_FEW = 4  # a first convolution with more stands behind something that rearranges pixels


def channels_taken(model: nn.Module) -> int:
    """Return how many channels a network takes: three, unless its convolutions say otherwise.

    If none of them takes three, it is what the first one takes, if at most four.
    """
    taken = _of_convolutions(model)
    return taken[0] if taken and COLOURS not in taken and taken[0] <= _FEW else COLOURS


def check_channels(model: nn.Module, channels: int) -> None:
    """Raise ConfigError where mean and std have another length than a picture has channels.

    A first convolution of more than four channels is not checked: its input may be no picture.
    """
    taken = _of_convolutions(model)
    if not taken or channels in taken or taken[0] > _FEW:
        return
    wanted = "one value" if taken[0] == 1 else counted(taken[0], "value")
    pictures = f", and a concept set of your own whose images have {taken[0]} channels"
    raise ConfigError(
        f"mean and std have {'one value' if channels == 1 else counted(channels, 'value')}, but "
        f"the first convolution of {type(model).__name__} takes {counted(taken[0], 'channel')}: "
        f"give --mean and --std with {wanted}{'' if taken[0] in (1, COLOURS) else pictures}"
    )


def _of_convolutions(model: nn.Module) -> list[int]:
    return [module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)]
