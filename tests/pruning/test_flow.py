"""Are multiply-adds those counted by hand, and exactly the units dead that no image can move?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from prunescope.base.errors import ConfigError
from prunescope.networks.hollow import build_hollow
from prunescope.pruning.flow import layer_names, trace_flow


def state_of(network, **weights):
    """Return a copy of a network's state in which all weights are 1 but those given."""
    state = {name: torch.ones_like(tensor) for name, tensor in network.state_dict().items()}
    for name, values in weights.items():
        key = name.replace("__", ".")
        state[key] = torch.tensor(values, dtype=torch.float32).reshape(state[key].shape)
    return state


def dead(network, state, resolution=4):
    flow = trace_flow(network, state, resolution)
    return {name.removesuffix(".weight"): layer.dead_units for name, layer in flow.items()}


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1)
        self.inner = nn.Conv2d(2, 2, 3, padding=1)
        self.last = nn.Conv2d(2, 1, 1)

    def forward(self, images):
        maps = self.first(images).relu()
        return self.last(maps + self.inner(maps).relu())


def test_every_weight_is_multiplied_once_in_each_cell_of_the_output():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),  # 8 x 8 to 4 x 4
        nn.Conv2d(4, 6, 3, groups=2),  # 2 x 2
        nn.Flatten(),
        nn.Linear(24, 5),
    )
    flow = trace_flow(network, state_of(network), 8)
    assert {name: layer.cells for name, layer in flow.items()} == {
        "0.weight": 16,
        "1.weight": 4,
        "3.weight": 1,
    }
    assert layer_names(network) == tuple(flow)


def test_a_layer_that_runs_twice_counts_twice_and_one_that_never_runs_is_not_there():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.idle = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, images):
            return self.conv(self.conv(images))

    flow = trace_flow(Twice(), state_of(Twice()), 4)
    assert {name: layer.cells for name, layer in flow.items()} == {"conv.weight": 32}


def test_a_linear_layer_over_cells_counts_each_of_them():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, images):
            return self.linear(images.flatten(2).mT)

    assert trace_flow(Tokens(), state_of(Tokens()), 4)["linear.weight"].cells == 16


@pytest.mark.parametrize(
    ("name", "resolution", "giga"),
    [("torchvision:resnet18", 224, 1.814), ("cifar_resnet20", 32, 0.0406)],
)
def test_published_networks_cost_what_is_published(name, resolution, giga):
    """1.814 G: torchvision's own figure; 40.55 M for the CIFAR network without biases."""
    network = build_hollow(name)
    state = {key: torch.ones_like(value) for key, value in network.state_dict().items()}
    flow = trace_flow(network, state, resolution)
    total = sum(state[key].numel() * layer.cells for key, layer in flow.items())
    assert total / 1e9 == pytest.approx(giga, rel=2e-3)
    assert {layer.dead_units for layer in flow.values()} == {0}


def test_a_filter_of_zeros_is_dead_though_its_bias_is_not():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1))
    state = state_of(network, **{"0__weight": [0, 0, 0, 0, 1, 0]})
    assert dead(network, state) == {"0": 1, "1": 0}


def test_a_filter_is_dead_if_all_it_still_looks_at_is_dead():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1))
    weights = {"0__weight": [0, 0, 0, 1, 1, 1], "3__weight": [1, 0, 1, 1]}
    assert dead(network, state_of(network, **weights)) == {"0": 1, "3": 1}


def test_a_scale_of_zero_cuts_a_channel_and_a_shift_does_not_mend_it():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1))
    weights = {"1__weight": [0, 1], "1__bias": [7, 7], "2__weight": [1, 0, 1, 1]}
    assert dead(network, state_of(network, **weights)) == {"0": 0, "2": 1}


def test_a_way_around_a_dead_filter_keeps_what_follows_alive():
    network = Residual()
    weights = {"inner__weight": [0] * 36, "last__weight": [1, 0]}
    assert dead(network, state_of(network, **weights)) == {"first": 0, "inner": 2, "last": 0}
    weights |= {"first__weight": [0, 0, 0, 1, 1, 1]}
    assert dead(network, state_of(network, **weights)) == {"first": 1, "inner": 2, "last": 1}


def test_positive_and_negative_weights_do_not_cancel():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 1, 1))
    weights = {"0__weight": [1, 1, 1, 1, 1, 1], "1__weight": [1, -1]}
    assert dead(network, state_of(network, **weights)) == {"0": 0, "1": 0}


def test_features_that_are_flattened_are_followed_one_by_one():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(8, 2))
    reads_the_first, reads_the_second = [1] * 4 + [0] * 4, [0] * 4 + [1] * 4
    weights = {
        "0__weight": [0, 0, 0, 1, 1, 1],
        "2__weight": [reads_the_first, reads_the_second],
    }
    assert dead(network, state_of(network, **weights), resolution=2) == {"0": 1, "2": 1}


def test_where_a_path_cannot_be_followed_the_number_is_unknown_and_not_wrong():
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)

        def forward(self, images):
            return self.last(functional.layer_norm(self.first(images), (2, 4, 4)))

    state = state_of(Centred())
    flow = trace_flow(Centred(), state, 4)
    assert {name: (layer.cells, layer.dead_units) for name, layer in flow.items()} == {
        "first.weight": (16, None),
        "last.weight": (16, None),
    }


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.2, 0.08]))
@settings(max_examples=25, deadline=None)
def test_dead_units_are_those_whose_value_no_image_moves(seed, keep):
    """Against the network itself: the units that are the same for three random images."""
    generator = torch.Generator().manual_seed(seed)
    network = Residual().double().eval()
    for parameter in network.parameters():
        drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        thin = torch.rand(parameter.shape, generator=generator) < keep
        parameter.data = drawn * thin if parameter.dim() > 1 else drawn
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    images = 9 * torch.randn(3, 3, 4, 4, generator=generator, dtype=torch.float64)
    found: dict[str, int] = {}
    for name in ("first", "inner", "last"):
        module = network.get_submodule(name)
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: found.update({name: still(output)})
        )
    network(images)
    structural = dead(Residual(), state)
    for name, count in structural.items():
        assert count <= found[name]  # a ReLU that no image passes stops them, too
    assert structural["first"] == found["first"]


def still(output):
    """Count the units whose maps are the same for every image."""
    return int((output == output[:1]).movedim(1, 0).flatten(1).all(dim=1).sum())


def test_a_resolution_that_the_network_refuses_is_said():
    network = nn.Sequential(nn.Conv2d(3, 2, 7))
    with pytest.raises(ConfigError, match="Sequential fails on a batch of 1 x 3 x 4 x 4"):
        trace_flow(network, state_of(network), 4)


def test_the_weights_given_are_only_read():
    network = Residual()
    state = {name: torch.randn_like(tensor) for name, tensor in network.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in state.items()}
    trace_flow(network, state, 4)
    assert all(torch.equal(state[name], before[name]) for name in before)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_a_normalisation_over_channels_never_makes_units_look_dead(shift):
    """LayerNorm takes the mean of a path's ones away, and only its own shift may be left."""
    network = nn.Sequential(nn.Flatten(2), nn.LayerNorm(16), nn.Linear(16, 4))
    state = {key: torch.randn(value.shape) for key, value in network.state_dict().items()}
    state["1.bias"] = torch.full((16,), shift)
    flow = trace_flow(network, state, 4)
    assert flow["2.weight"].dead_units == (None if shift == 0 else 0)
