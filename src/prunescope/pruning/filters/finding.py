"""Which channel groups of a network can be removed?"""

from torch import nn

from prunescope.base.wrappers import without_wrappers
from prunescope.networks.images import random_images
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.slicing import plain_copy
from prunescope.pruning.filters.tracing import trace_groups
from prunescope.pruning.filters.trying import tried


def find_groups(network: nn.Module, *, resolution: int | None = None) -> ChannelGroups:
    """Return a network's channel groups; sets that cannot lose channels are whole, with a reason.

    network: its weights do not matter, only its form. resolution: side in pixels of the images
        that it takes; None as for `random_images`.
    Raises ConfigError where the network cannot be traced, naming the layer, or takes no image.
    """
    with without_wrappers(network) as plain:
        network_copy = plain_copy(plain)
    images = random_images(network_copy, resolution)
    return tried(network_copy, trace_groups(network_copy, images), images)
