"""Is folding used just where it gives the plain network's numbers?"""

import numpy as np
import pytest
import torch
from torch import nn

from prunescope.base.arithmetic import computing_by, safe_folds, wants_channels_last

SIZE = (3, 8, 8)


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    model.extend([nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def folds(model):
    return "forward" in vars(model[1])


def test_plain_arithmetic_leaves_the_networks_own_operations():
    model = network()
    with computing_by("plain", model, SIZE):
        assert not folds(model)
    with computing_by("folded", model, SIZE):
        assert folds(model)
    assert not folds(model)


class ReadsBehindTorch(nn.Module):
    """A module whose reading of a convolution's output no watch can see."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
        self.bn.running_mean.fill_(3)

    def forward(self, images):
        convolved = self.conv(images)
        mean = float(np.from_dlpack(convolved.detach()).mean())
        return self.bn(convolved) + mean


def test_a_network_whose_folded_output_differs_is_left_plain():
    assert safe_folds(ReadsBehindTorch().eval(), SIZE) == ()


class ChangesItsInput(nn.Module):
    """A block that changes the convolution's input before it adds to the output."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, images):
        maps = images * 2
        normalised = self.bn(self.conv(maps))
        return normalised + maps.relu_()


def test_a_sum_that_cannot_wait_is_left_to_the_network_and_the_rest_is_folded():
    (found,) = safe_folds(ChangesItsInput().eval(), SIZE)
    assert found.summed is None
    (found,) = safe_folds(nn.Sequential(ChangesItsInput(), nn.Identity()).eval(), SIZE)
    assert found.summed is None


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Conv2d(5, 4, 1), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.Linear(192, 4)),
    ],
    ids=["fails on the image", "has no normalisation", "has no convolution"],
)
def test_where_nothing_can_be_folded_the_network_goes_on_plainly(model):
    assert safe_folds(model.eval(), SIZE) == ()
    with computing_by("folded", model, SIZE):
        pass


def test_modes_and_random_state_stay_as_they_were():
    model = network().train()
    model[1].eval()
    state = torch.get_rng_state()
    assert len(safe_folds(model, SIZE)) == 2
    assert [module.training for module in (model, model[1], model[4])] == [True, False, True]
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("arithmetic", "precision", "device", "wanted"),
    [
        ("plain", "float32", "cpu", False),
        ("folded", "float32", "cpu", True),
        ("folded", "float32", "cuda", False),
        ("plain", "bf16", "cuda", True),
    ],
)
def test_channels_last_is_for_bfloat16_and_for_folding_on_cpus(
    arithmetic, precision, device, wanted
):
    assert wants_channels_last(arithmetic, precision, torch.device(device)) is wanted
