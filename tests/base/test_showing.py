import pytest
import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.showing import show


class Failing(nn.Module):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, batch: Tensor) -> Tensor:
        raise self.error


class PicksTheSide(nn.Module):
    """Asserts on the size of its images, as vision transformers do."""

    def forward(self, batch: Tensor) -> Tensor:
        torch._assert(batch.shape[-1] == 4, "Wrong image width! Expected 4!")
        return batch.flatten(1)


def test_what_the_network_puts_out_is_returned() -> None:
    batch = torch.arange(6.0).reshape(1, 6)
    shown = show(nn.Flatten(), batch)
    assert isinstance(shown, Tensor)
    assert torch.equal(shown, batch)


def test_a_network_that_asserts_on_the_size_is_a_config_error_with_its_shape() -> None:
    message = r"PicksTheSide fails on a batch of 2 x 3 x 5 x 5 .* Wrong image width! Expected 4!"
    with pytest.raises(ConfigError, match=message):
        show(PicksTheSide(), torch.zeros(2, 3, 5, 5))


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, TypeError, IndexError])
def test_a_network_that_refuses_in_its_own_way_is_a_config_error(kind: type[Exception]) -> None:
    with pytest.raises(ConfigError, match=r"fails on a batch of 1 x 2 .*: too small"):
        show(Failing(kind("too small")), torch.zeros(1, 2))


@pytest.mark.parametrize("error", [DataError("a unit"), torch.OutOfMemoryError("full")])
def test_what_is_no_refusal_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        show(Failing(error), torch.zeros(1, 2))
    assert raised.value is error
