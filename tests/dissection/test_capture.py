"""Are maps copied when their layer returns, and is everything else refused with a way out?"""

import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.dissection.capture import capture, layers_with_maps


class Twice(nn.Module):
    """A layer called twice, one never called, one that puts out a tuple, one a flat tensor."""

    def __init__(self):
        super().__init__()
        self.often = nn.ReLU()
        self.never = nn.Conv2d(3, 2, 1)
        self.pair = nn.MaxPool2d(2, return_indices=True)
        self.conv = nn.Conv2d(3, 2, 1)
        self.flat = nn.Flatten()

    def forward(self, images):
        pooled, _ = self.pair(self.often(self.often(images)))
        return self.flat(self.conv(pooled))


IMAGES = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def test_an_in_place_relu_behind_the_layer_does_not_reach_its_maps(eye):
    with capture(eye, ["colours", "relu"]) as maps, torch.no_grad():
        eye(IMAGES)
    expected = functional_colours(eye)
    torch.testing.assert_close(maps["colours"], expected)
    assert maps["colours"].min() < 0
    torch.testing.assert_close(maps["relu"], expected.relu())


def functional_colours(eye):
    return nn.functional.conv2d(IMAGES, eye.colours.weight).detach()


def test_maps_are_those_of_the_latest_forward_pass_in_float32(eye):
    eye.bfloat16()
    with capture(eye, ["colours"]) as maps, torch.no_grad():
        eye(IMAGES.bfloat16())
        eye(IMAGES[:1].bfloat16())
    assert maps["colours"].shape == (1, 3, 4, 4)
    assert maps["colours"].dtype == torch.float32


def test_every_module_gets_back_the_mode_it_had():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), nn.Conv2d(3, 1, 1))
    model.train()
    model[1].eval()
    with capture(model, ["2"]), torch.no_grad():
        assert not any(module.training for module in model.modules())
        model(IMAGES)
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert model[0].num_batches_tracked == 0


def test_the_mode_comes_back_and_the_hooks_go_when_the_block_fails(eye):
    eye.train()
    with pytest.raises(KeyError), capture(eye, ["colours"]):
        raise KeyError
    assert eye.training
    assert not any(module._forward_hooks for module in eye.modules())
    assert not eye._forward_pre_hooks


def test_a_layer_that_does_not_exist_is_refused_with_the_nearest(eye):
    with (
        pytest.raises(ConfigError, match=r'Eye has no layer "colour".*"colours"'),
        capture(eye, ["colour"]),
    ):
        pass


def test_a_layer_like_no_other_is_refused_with_the_top_ones(eye):
    with pytest.raises(ConfigError, match="colours, relu, pool, flat"), capture(eye, ["xyz"]):
        pass


def test_the_network_as_a_whole_is_no_layer(eye):
    with pytest.raises(ConfigError, match='no layer ""'), capture(eye, [""]):
        pass


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        ("often", "was called more than once in one forward pass"),
        ("never", "was not called in the forward pass"),
        ("pair", "puts out a tuple"),
        ("flat", "puts out a tensor of shape 2 x 8"),
    ],
)
def test_a_layer_without_one_map_per_image_is_refused_with_those_that_have(layer, fault):
    model = Twice()
    expected = f'layer "{layer}" of Twice {fault}.*layers with maps: conv$'
    with pytest.raises(ConfigError, match=expected), capture(model, [layer]), torch.no_grad():
        model(IMAGES)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_module_under_two_names_is_found_by_both():
    model = nn.Sequential(nn.Conv2d(3, 2, 1))
    model.alias = model[0]
    model.forward = model[0].__call__
    with capture(model, ["0", "alias"]) as maps, torch.no_grad():
        model(IMAGES)
    assert torch.equal(maps["0"], maps["alias"])


def test_layers_with_maps_are_those_with_more_than_one_cell(eye):
    with torch.no_grad():
        assert layers_with_maps(eye, IMAGES) == ("colours", "relu")
