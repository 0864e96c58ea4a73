"""What does a network make of a batch, and what is said where it cannot take it?"""

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError

_REFUSALS = (RuntimeError, AssertionError, ValueError, TypeError, IndexError)


def show(network: nn.Module, batch: Tensor) -> object:
    """Return what the network puts out for a batch.

    Raises ConfigError where the network itself fails on such a batch: for most, a wrong size of
    the images. Running out of a device's memory stays torch.OutOfMemoryError.
    """
    try:
        return network(batch)
    except torch.OutOfMemoryError:
        raise
    except _REFUSALS as error:
        shape = " x ".join(map(str, batch.shape))
        raise ConfigError(
            f"{type(network).__name__} fails on a batch of {shape} "
            f"(images, channels, height, width): {error}"
        ) from error
