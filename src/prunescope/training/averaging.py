"""What is the moving average of a network's weights?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """The exponential moving average of a network's parameters and running statistics.

    Each step, average = decay x average + (1 - decay) x weight; it begins as the weights are when
    it is made (torch.optim.swa_utils; Tarvainen & Valpola 2017). A weight that is zero from then on
    is exactly zero in it. Other buffers, constants and counters, are those of the network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live = _averaged(network)
        self._average = {name: tensor.detach().clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        torch._foreach_lerp_(
            list(self._average.values()),
            [tensor.detach() for tensor in self._live.values()],
            1 - self._decay,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Have the average in the network, and the weights again afterwards, bit for bit."""
        weights = {name: tensor.detach().clone() for name, tensor in self._live.items()}
        _copy(self._average, self._live)
        try:
            yield
        finally:
            _copy(weights, self._live)

    def settle(self) -> None:
        """Put the average in the place of the weights for good."""
        _copy(self._average, self._live)

    def state(self) -> dict[str, Tensor]:
        """Return the average by the names of the state dict."""
        return self._average

    def load(self, saved: Mapping[str, Tensor]) -> None:
        """Go on from a saved average, which fits."""
        _copy(saved, self._average)


def _averaged(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that change smoothly: a constant may be infinite, a counter is whole."""
    statistics = {name: each for name, each in network.named_buffers() if "running_" in name}
    return dict(network.named_parameters()) | statistics


@torch.no_grad()
def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    for name, tensor in target.items():
        tensor.copy_(source[name])
