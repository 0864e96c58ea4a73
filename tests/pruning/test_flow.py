"""Are multiply-adds those counted by hand, and exactly the units dead that no image can move?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from prunescope.base.errors import ConfigError
from prunescope.networks.hollow import build_hollow
from prunescope.pruning.acting import layer_keys
from prunescope.pruning.flow import Flow, trace_flow


def state_of(network, **weights):
    """Return a copy of a network's state in which all weights are 1 but those given."""
    state = {name: torch.ones_like(tensor) for name, tensor in network.state_dict().items()}
    for name, values in weights.items():
        key = name.replace("__", ".")
        state[key] = torch.tensor(values, dtype=torch.float32).reshape(state[key].shape)
    return state


def flow_of(network, state, resolution=4) -> Flow:
    network.load_state_dict(state)
    return trace_flow(network, resolution)


def dead(network, state, resolution=4):
    flow = flow_of(network, state, resolution)
    return {name.removesuffix(".weight"): layer.dead_units for name, layer in flow.layers.items()}


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
    flow = flow_of(network, state_of(network), 8).layers
    assert {name: layer.cells for name, layer in flow.items()} == {
        "0.weight": 16,
        "1.weight": 4,
        "3.weight": 1,
    }
    assert list(layer_keys(network)) == list(flow)


def test_a_layer_that_runs_twice_counts_twice_and_one_that_never_runs_is_not_there():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.idle = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, images):
            return self.conv(self.conv(images))

    flow = flow_of(Twice(), state_of(Twice())).layers
    assert {name: layer.cells for name, layer in flow.items()} == {"conv.weight": 32}


def test_a_linear_layer_over_cells_counts_each_of_them():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, images):
            return self.linear(images.flatten(2).mT)

    assert flow_of(Tokens(), state_of(Tokens())).layers["linear.weight"].cells == 16


@pytest.mark.parametrize(
    ("name", "resolution", "giga"),
    [("torchvision:resnet18", 224, 1.814), ("cifar_resnet20", 32, 0.0406)],
)
def test_published_networks_cost_what_is_published(name, resolution, giga):
    """1.814 G: torchvision's own figure; 40.55 M for the CIFAR network without biases."""
    network = build_hollow(name)
    state = {key: torch.ones_like(value) for key, value in network.state_dict().items()}
    flow = flow_of(network, state, resolution).layers
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


def test_a_normalisation_over_channels_passes_on_what_any_of_them_sees():
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)

        def forward(self, images):
            return self.last(functional.layer_norm(self.first(images), (2, 4, 4)))

    state = state_of(Centred(), first__weight=[0, 0, 0, 1, 1, 1])
    assert dead(Centred(), state) == {"first": 1, "last": 0}  # the other channel moves the mean


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
        flow_of(network, state_of(network))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_a_normalisation_over_channels_never_makes_units_look_dead(shift):
    network = nn.Sequential(nn.Flatten(2), nn.LayerNorm(16), nn.Linear(16, 4))
    state = {key: torch.randn(value.shape) for key, value in network.state_dict().items()}
    state["1.bias"] = torch.full((16,), shift)
    assert dead(network, state) == {"2": 0}


class Gate(nn.Module):
    """Squeeze and excitation, by whose gate a constant channel depends on the image."""

    def __init__(self):
        super().__init__()
        self.squeeze = nn.Conv2d(8, 8, 1)

    def forward(self, maps):
        return maps * torch.sigmoid(self.squeeze(maps.mean((2, 3), keepdim=True)))


class Shortcut(nn.Module):
    def forward(self, maps):
        return torch.cat([functional.pad(maps[:, :4], (1, 1, 1, 1), value=3.0)[:, :, 1:-1, 1:-1],
                          maps[:, 4:] + 2.0], 1)  # fmt: skip


class InPlace(nn.Module):
    def forward(self, maps):
        maps = maps.clone()
        maps += 1.5
        maps.mul_(2).relu_()
        return maps


class Permuted(nn.Module):
    """A layer normalisation over channels that are last, as ConvNeXt has it."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)

    def forward(self, maps):
        return self.norm(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


BETWEEN = {
    "nothing": nn.Identity,
    "batch normalisation": lambda: nn.BatchNorm2d(8),
    "of the batch itself": lambda: nn.BatchNorm2d(8, track_running_stats=False),
    "group normalisation": lambda: nn.GroupNorm(4, 8),
    "one group": lambda: nn.GroupNorm(1, 8),
    "instance normalisation": lambda: nn.InstanceNorm2d(8, affine=True),
    "layer normalisation": Permuted,
    "local response normalisation": lambda: nn.LocalResponseNorm(2),
    "sigmoid": nn.Sigmoid, "hard sigmoid": nn.Hardsigmoid, "softplus": nn.Softplus,
    "gelu": nn.GELU, "silu": nn.SiLU, "hard swish": nn.Hardswish, "elu": nn.ELU, "mish": nn.Mish,
    "prelu": lambda: nn.PReLU(8), "tanh": nn.Tanh, "leaky": lambda: nn.LeakyReLU(0.1),
    "softmax": nn.Softmax2d, "log softmax": lambda: nn.LogSoftmax(1),
    "dropout": nn.Dropout2d, "log sigmoid": nn.LogSigmoid,
    "transposed": lambda: nn.ConvTranspose2d(8, 8, 2, stride=2),
    "transposed in groups": lambda: nn.ConvTranspose2d(8, 8, 2, stride=2, groups=2),
    "depthwise": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "average": lambda: nn.AvgPool2d(2), "largest": lambda: nn.MaxPool2d(2),
    "upsampling": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "shuffle": lambda: nn.ChannelShuffle(2), "reflection": lambda: nn.ReflectionPad2d(1),
    "constants around it": lambda: nn.ConstantPad2d(1, 4.0),
    "gate": Gate, "shortcut": Shortcut, "in place": InPlace,
}  # fmt: skip


@pytest.mark.parametrize("name", BETWEEN)
@pytest.mark.parametrize("gone", [range(8), range(0, 8, 2), (3,), ()])
def test_behind_anything_dead_units_are_counted_or_unknown(name, gone):
    """Against brute force: units that are the same for many random images, by generic weights."""
    torch.manual_seed(len(name))
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), BETWEEN[name](), nn.Conv2d(8, 5, 1, groups=1)
    ).double().eval()  # fmt: skip
    for parameter in network.parameters():
        parameter.data = torch.randn_like(parameter).abs() + 0.1
    network[0].weight.data *= 0.02  # so that nothing saturates
    network[0].weight.data[list(gone)] = 0
    network[2].weight.data *= torch.rand_like(network[2].weight) < 0.5
    network[2].weight.data[0] = 0
    with torch.no_grad():
        seen = network(torch.rand(12, 3, 8, 8, dtype=torch.float64))
    moved = (seen.amax(0) - seen.amin(0)).flatten(1).amax(1) > 1e-12
    truth = int((~moved).sum())
    found = trace_flow(network.float(), 8).layers["2.weight"].dead_units
    assert found in (truth, None)
    assert found is not None or gone


@pytest.mark.parametrize("function", [torch.fft.fft2, torch.linalg.svdvals])
def test_a_function_that_is_not_known_makes_the_number_unknown_from_there_on(function):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)

        def forward(self, images):
            return self.last(function(self.first(images)).abs().float()[..., :4])

    network = Odd()
    network.first.weight.data[0] = 0
    flow = trace_flow(network, 4)
    assert flow.layers["first.weight"].dead_units == 1
    assert flow.layers["last.weight"].dead_units is None
    assert flow.layers["last.weight"].cells > 0
    assert flow.unknown


def test_without_a_dead_value_an_unknown_function_hides_nothing():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)

        def forward(self, images):
            return self.last(torch.linalg.svdvals(self.first(images)))

    network = Odd()
    network.last.weight.data[0] = 0
    assert trace_flow(network, 4).layers["last.weight"].dead_units == 1


def test_attention_over_a_dead_value_is_unknown():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(3, 4)
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
            self.last = nn.Linear(4, 3)

        def forward(self, images):
            tokens = self.embed(images.flatten(2).mT)
            return self.last(tokens + self.attention(tokens, tokens, tokens)[0])

    network = Attending()
    whole = trace_flow(network, 4)
    assert whole.layers["last.weight"].dead_units == 0
    network.embed.weight.data[0] = 0
    pruned = trace_flow(network, 4)
    assert pruned.layers["embed.weight"].dead_units == 1
    assert pruned.layers["last.weight"].dead_units is None
    assert pruned.unknown == ("attention",)


def test_a_network_that_works_on_plain_tensors_alone_has_its_cells_counted():
    class Strict(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, images):
            if type(images) is not torch.Tensor:
                raise TypeError("plain tensors only")
            return self.conv(images)

    flow = trace_flow(Strict(), 4)
    assert flow.layers["conv.weight"].cells == 16
    assert flow.layers["conv.weight"].dead_units is None
    assert flow.unknown
