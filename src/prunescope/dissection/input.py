"""What does the network to be dissected expect to see?"""

from torch import nn

# Python 3.11's own Protocol computes every property when asked isinstance()
from typing_extensions import Protocol, runtime_checkable

from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels
from prunescope.base.modules import checked_network, in_float32
from prunescope.imaging.channels import check_channels
from prunescope.imaging.network_input import NetworkInput


@runtime_checkable
class Loaded(Protocol):
    """A network together with the input it expects, as `prunescope.load` returns it."""

    @property
    def module(self) -> nn.Module:
        """The network itself."""

    @property
    def input(self) -> NetworkInput | None:
        """The input it expects; None if unknown."""


def input_of(
    model: nn.Module,
    *,
    resolution: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
) -> NetworkInput:
    """Return a network's input as stated.

    Raises ConfigError naming what is missing, and for channels that the network does not take.
    """
    stated = {"resolution": resolution, "mean": mean, "std": std}
    missing = [name for name, value in stated.items() if value is None]
    if resolution is None or mean is None or std is None:
        options = " ".join(f"--{name}" for name in missing)
        raise ConfigError(
            f"the input of {type(model).__name__} is not known: give {', '.join(missing)} "
            f"(on the command line {options})"
        )
    expected = NetworkInput(resolution=resolution, mean=mean, std=std)
    check_channels(model, len(mean))
    return expected


def open_model(model: nn.Module | Loaded) -> tuple[nn.Module, NetworkInput | None]:
    """Return the module, converted by `in_float32`, and the input it expects; None if unknown."""
    if isinstance(model, nn.Module | type) or not isinstance(model, Loaded):
        return in_float32(checked_network(model)), None
    return in_float32(checked_network(model.module)), model.input
