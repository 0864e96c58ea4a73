"""Is every image shown once, on the device asked for, and is a broken network named?"""

import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.dissection.forward import Observation, placed
from prunescope.dissection.input import InputForm


@pytest.fixture
def observation(eye, painted):
    return observe(eye, painted, ("colours",))


def observe(model, concepts, layers, batch_size=3):
    return Observation(
        model=model,
        layers=layers,
        concepts=concepts,
        form=InputForm(resolution=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        batch_size=batch_size,
        precision="float32",
        device=torch.device("cpu"),
    )


def test_every_image_is_shown_once_in_order_with_its_regions(observation):
    batches = [
        (batch.images, len(batch.maps["colours"]), len(batch.regions))
        for batch in observation.batches(with_regions=True)
    ]
    assert batches == [(range(0, 3), 3, 3), (range(3, 4), 1, 1)]


def test_maps_are_those_of_the_picture(observation):
    batch = next(observation.batches(with_regions=False))
    assert batch.regions == ()
    assert batch.maps["colours"][1, 1].tolist()[1] == [0, 0, 2, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_activation_that_is_no_number_names_unit_layer_and_image(eye, painted, value):
    # Only the green unit breaks, and green is first seen in the second picture.
    class Breaking(nn.Module):
        def forward(self, maps):
            return maps.masked_fill(maps == 2, value)

    model = nn.Sequential(eye.colours, Breaking())
    with pytest.raises(DataError, match=r'unit 1 of layer "1" is not finite on image 1\.png'):
        list(observe(model, painted, ("1",)).batches(with_regions=False))


def test_images_the_network_cannot_take_are_refused_with_their_shape(painted):
    model = nn.Sequential(nn.Conv2d(3, 2, 7))
    with pytest.raises(ConfigError, match="Sequential fails on a batch of 3 x 3 x 4 x 4"):
        list(observe(model, painted, ("0",)).batches(with_regions=False))


def test_a_network_that_asserts_on_the_size_of_its_images_is_refused_with_their_shape(painted):
    class Particular(nn.Conv2d):
        def forward(self, images):
            torch._assert(images.shape[-1] == 224, "Wrong image width!")
            return super().forward(images)

    model = nn.Sequential(Particular(3, 2, 1))
    with pytest.raises(ConfigError, match=r"Sequential fails on .* 3 x 3 x 4 x 4 .*Wrong image"):
        list(observe(model, painted, ("0",)).batches(with_regions=False))


def test_the_arithmetic_settings_of_the_process_come_back(observation):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.deterministic
    torch.set_float32_matmul_precision("high")
    try:
        list(observation.batches(with_regions=False))
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cudnn.deterministic == before[1]
    finally:
        torch.set_float32_matmul_precision(before[0])


def test_a_device_that_is_not_there_is_refused(eye):
    with pytest.raises(ConfigError, match='device "nowhere"'), placed(eye, "nowhere"):
        pass


def test_a_network_stays_where_it_is_when_no_device_is_named(eye):
    with placed(eye, None) as device:
        assert device == torch.device("cpu")
    with placed(nn.ReLU(), None) as device:
        assert device == torch.device("cpu")


def test_a_network_is_put_back_where_it_was(eye):
    weight = eye.colours.weight.clone()
    with placed(eye, "cpu") as device:
        assert eye.colours.weight.device == device
    assert torch.equal(eye.colours.weight, weight)
