"""What are a network with masked channel groups, and the same without them?"""

import torch
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.base.text import on_one_line, shortened
from prunescope.networks.resizing import resize_layers
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.mask import Mask
from prunescope.pruning.trial import copied


def plain_copy(network: nn.Module) -> nn.Module:
    """Return a copy in float32, on the CPU, in evaluation mode.

    Raises ConfigError for a network that cannot be copied.
    """
    try:
        return copied(network).float().cpu().eval()
    except Exception as error:  # whatever a user's module holds: locks, files
        raise ConfigError(
            f"{type(network).__name__} cannot be copied, so that no filter can be taken out of a "
            f"copy ({on_one_line(shortened(str(error)))})"
        ) from error


def masked_copy(network: nn.Module, groups: ChannelGroups, survivors: Mask) -> nn.Module:
    """Return a copy with zeros for all that goes with the groups that do not survive."""
    copy = copied(network)
    state = copy.state_dict()  # whose tensors are the copy's own
    with torch.no_grad():
        for key, axis, gone in groups.lost(survivors, state):
            state[key].index_fill_(axis, gone.to(state[key].device), 0)
    return copy


def small_copy(network: nn.Module, groups: ChannelGroups, survivors: Mask) -> nn.Module:
    """Return a copy without the groups that do not survive."""
    copy = copied(network)
    state = groups.shrunk(survivors, network.state_dict())
    resize_layers(copy, {name: tensor.shape for name, tensor in state.items()})
    copy.load_state_dict(state)
    return copy
