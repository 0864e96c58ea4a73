"""Does a network compute where and as it is asked to, and is it left as it was?"""

import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.base.modes import exact_arithmetic, in_mode, on_device, repeatable


def test_every_module_gets_its_mode_back():
    network = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(1)).train()
    network[1].eval()
    with in_mode(network, training=False):
        assert not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == [True, True, False]


def test_convolutions_are_exact_and_repeatable_for_as_long_as_the_block_lasts():
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32
    with exact_arithmetic(torch.device("cpu"), "bf16"):
        assert (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32) == (True, False, False)
        assert torch.get_float32_matmul_precision() == "highest"
        assert torch.is_autocast_enabled("cpu")
    assert (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32) == before


def test_random_numbers_drawn_in_repeatable_work_are_nobody_elses():
    before = torch.get_rng_state()
    with repeatable(torch.device("cpu")):
        torch.rand(3)
        assert torch.backends.cudnn.deterministic
    assert torch.equal(torch.get_rng_state(), before)


def test_a_device_that_is_not_there_is_refused():
    with (
        pytest.raises(ConfigError, match='device is "nowhere"'),
        on_device(nn.Linear(1, 1), "nowhere"),
    ):
        pass


def test_a_network_stays_where_it_is_when_no_device_is_named():
    with on_device(nn.Linear(1, 1), None) as device:
        assert device == torch.device("cpu")
    with on_device(nn.ReLU(), None) as device:
        assert device == torch.device("cpu")


def test_a_network_is_put_back_where_it_was():
    class Wandering(nn.Linear):
        def to(self, device):
            went.append(str(device))

    went = []
    with on_device(Wandering(1, 1, device="meta"), "cpu") as device:
        assert went == [str(device)] == ["cpu"]
    assert went == ["cpu", "meta"]
