"""What does a network put out for a batch, and what is reported where it fails?"""

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, PrunescopeError

_PLAIN = (RuntimeError, AssertionError, ValueError, TypeError)  # whose words suffice
_NO_MEMORY = "can't allocate memory"


def show(network: nn.Module, batch: Tensor) -> object:
    """Return what the network puts out for a batch.

    Raises ConfigError where the network fails on such a batch, mostly for the size of the images.
    Where a device's memory runs out, torch.OutOfMemoryError is left as it is.
    """
    try:
        return network(batch)
    except (torch.OutOfMemoryError, PrunescopeError):
        raise
    except (Exception, SystemExit) as error:  # whatever a user's network raises
        shape = " x ".join(map(str, batch.shape))
        where = f"on a batch of {shape} (images, channels, height, width)"
        if isinstance(error, MemoryError) or _NO_MEMORY in str(error):
            raise ConfigError(
                f"{type(network).__name__} needs more memory than there is {where}: take a smaller "
                "resolution, or fewer images at a time"
            ) from error
        message = " ".join(str(error).split())
        kind = "" if type(error) in _PLAIN else f"{type(error).__name__}: "
        raise ConfigError(f"{type(network).__name__} fails {where}: {kind}{message}") from error
