"""Are the chains exactly the normalisations that alone read a convolution's output?"""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from prunescope.base.chains import trace
from prunescope.base.errors import ConfigError

BATCH = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Step(nn.Module):
    """A convolution, its normalisation, and how their outputs are used."""

    def __init__(self, use, convolution=None, normalisation=None):
        super().__init__()
        self.conv = convolution or nn.Conv2d(3, 4, 3)
        self.bn = normalisation or nn.BatchNorm2d(4)
        self.use = use

    def forward(self, images):
        return self.use(self, images)


def chained(step, images):
    return step.bn(step.conv(images)).relu()


def found(network, batch=BATCH):
    names = {module: name for name, module in network.named_modules()}
    return {
        (names[chain.convolution], names[chain.normalisation])
        for chain in trace(network.eval(), batch).chains
    }


def test_a_normalisation_that_follows_a_convolution_is_found():
    assert found(Step(chained)) == {("conv", "bn")}


@pytest.mark.parametrize(
    "convolution",
    [
        lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular", bias=False),
        lambda: nn.Conv2d(3, 4, 3, dilation=2, stride=2),
        lambda: nn.ConvTranspose2d(3, 4, 2, stride=2),
    ],
)
def test_every_kind_of_convolution_is_found(convolution):
    assert found(Step(chained, convolution())) == {("conv", "bn")}


def test_all_chains_of_a_pre_activation_block_are_found():
    # As in DenseNet: norm1 reads what others read, too, but norm2 alone reads conv1.
    network = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 1))
    network.extend([nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3)])
    assert found(network) == {("2", "3")}


def keeps_it(step, images):
    step.kept = step.conv(images)
    return step.bn(step.kept) + step.kept


def views_it_before(step, images):
    convolved = step.conv(images)
    doubled = convolved[:, :2]
    return step.bn(convolved).sum() + doubled.sum()


def returns_it(step, images):
    convolved = step.conv(images)
    return {"normalised": step.bn(convolved), "logits": [convolved]}


def calls_the_convolution_twice(step, images):
    return step.bn(step.conv(images)) + step.conv(images)


def calls_the_normalisation_twice(step, images):
    return step.bn(step.bn(step.conv(images)))


def normalises_before(step, images):
    return step.conv(step.bn(images))


def changes_it_in_between(step, images):
    return step.bn(step.conv(images).relu_())


def normalises_in_training(step, images):
    step.bn.train()
    normalised = step.bn(step.conv(images))
    step.bn.eval()
    return normalised


@pytest.mark.parametrize(
    ("use", "normalisation"),
    [
        (keeps_it, None),
        (views_it_before, None),
        (returns_it, None),
        (calls_the_convolution_twice, None),
        (calls_the_normalisation_twice, None),
        (normalises_before, lambda: nn.BatchNorm2d(3)),
        (changes_it_in_between, None),
        (normalises_in_training, None),
        (chained, lambda: nn.BatchNorm2d(4, track_running_stats=False)),
        (chained, lambda: nn.GroupNorm(2, 4)),
    ],
)
def test_what_is_used_otherwise_is_no_chain(use, normalisation):
    assert found(Step(use, normalisation=normalisation and normalisation())) == set()


class Doubled(nn.Conv2d):
    def forward(self, images):
        return 2 * super().forward(images)


@pytest.mark.parametrize(
    "convolution",
    [
        lambda: Doubled(3, 4, 3),
        lambda: parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        lambda: prune.l1_unstructured(nn.Conv2d(3, 4, 3), "weight", 0.5),
    ],
)
def test_a_convolution_that_computes_more_than_torchs_class_is_no_chain(convolution):
    assert found(Step(chained, convolution())) == set()


def test_a_forward_that_was_replaced_is_no_chain():
    step = Step(chained)
    step.conv.forward = lambda images: 2 * nn.Conv2d.forward(step.conv, images)
    assert found(step) == set()


def test_other_precisions_are_no_chains():
    assert found(Step(chained).double(), BATCH.double()) == set()


@pytest.mark.parametrize("name", ["conv", "bn", "around"])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_what_a_hook_sees_is_no_chain(name, kind):
    network = Step(lambda step, images: step.bn(step.around(images)))
    network.around = nn.Sequential(network.conv)
    seen = []
    getattr(network.get_submodule(name), kind)(lambda *shown: seen.append(shown))
    assert found(network) == set()
    assert seen


def test_hooks_on_all_modules_leave_no_chain():
    handle = nn.modules.module.register_module_forward_hook(lambda *shown: None)
    try:
        assert found(Step(chained)) == set()
    finally:
        handle.remove()


def test_a_chain_knows_every_module_that_returns_the_convolutions_output():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Identity()), nn.BatchNorm2d(4))
    (chain,) = trace(network.eval(), BATCH).chains
    assert chain.convolved_by == {network[0], network[0][0], network[0][1]}


def test_a_network_keeps_no_hook_even_where_it_fails():
    network = Step(chained, nn.Conv2d(5, 4, 3))
    with pytest.raises(ConfigError, match="Step fails on a batch of 1 x 3 x 8 x 8"):
        trace(network.eval(), BATCH)
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def activations(network):
    """Return the name of each chain's ReLU, if any, by that of its normalisation."""
    names = {module: name for name, module in network.named_modules()}
    chains = trace(network.eval(), BATCH).chains
    return {names[chain.normalisation]: names.get(chain.activation) for chain in chains}


class Rectified(nn.Module):
    """Two chains, whose one ReLU is called for both."""

    def __init__(self, use, inplace):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.relu, self.use = nn.ReLU(inplace=inplace), use

    def forward(self, images):
        return self.use(self, images)


def in_turn(net, images):
    inner = net.relu(net.bn1(net.conv1(images)))
    return net.relu(net.bn2(net.conv2(inner))) + inner


def after_a_sum(net, images):
    inner = net.relu(net.bn1(net.conv1(images)))
    return net.relu(net.bn2(net.conv2(inner)) + inner)


def after_two_sums(net, images):
    inner = net.relu(net.bn1(net.conv1(images)))
    return net.relu(net.bn2(net.conv2(inner)) + inner + inner)


def of_what_is_read_before(net, images):
    normalised = net.bn1(net.conv1(images))
    double = 2 * normalised
    return net.relu(normalised) + double + net.relu(net.bn2(net.conv2(double)))


def as_a_function(net, images):
    return torch.relu(net.bn1(net.conv1(images)))


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (in_turn, {"bn1": "relu", "bn2": "relu"}),
        (after_a_sum, {"bn1": "relu", "bn2": "relu"}),
        (after_two_sums, {"bn1": "relu", "bn2": None}),
        (of_what_is_read_before, {"bn1": None, "bn2": "relu"}),
        (as_a_function, {"bn1": None}),
    ],
)
def test_a_relu_belongs_to_a_chain_whose_output_it_alone_reads(use, expected, inplace):
    assert activations(Rectified(use, inplace)) == expected


def test_what_is_read_after_a_relu_that_is_not_in_place_belongs_to_no_relu():
    def use(net, images):
        normalised = net.bn1(net.conv1(images))
        return net.relu(normalised) - normalised

    assert activations(Rectified(use, inplace=False)) == {"bn1": None}
    assert activations(Rectified(use, inplace=True)) == {"bn1": "relu"}


def test_a_relu_that_has_hooks_belongs_to_no_chain():
    network = Rectified(in_turn, inplace=True)
    network.relu.register_forward_hook(lambda *shown: None)
    assert activations(network) == {"bn1": None, "bn2": None}


def summed(use):
    """Return the names of the normalisations whose output is only added to something."""
    network = Rectified(use, inplace=False)
    names = {module: name for name, module in network.named_modules()}
    chains = trace(network.eval(), BATCH).chains
    return {names[chain.normalisation] for chain in chains if chain.is_summed}


def added(net, images):
    inner = net.conv1(images).relu()
    return inner + net.bn2(net.conv2(inner))


def added_in_place(net, images):
    inner = net.conv1(images).relu()
    outer = net.bn2(net.conv2(inner))
    outer += inner
    return outer.relu()


def added_into_another(net, images):
    inner = net.conv1(images).relu()
    outer = net.bn2(net.conv2(inner))
    inner += outer
    return inner


def added_twofold(net, images):
    inner = net.conv1(images).relu()
    return torch.add(inner, net.bn2(net.conv2(inner)), alpha=2)


def added_to_each_channel(net, images):
    inner = net.conv1(images).relu()
    return net.bn2(net.conv2(inner)) + inner.mean((2, 3), keepdim=True)


def added_to_itself(net, images):
    normalised = net.bn2(net.conv2(net.conv1(images)))
    return normalised + normalised


def added_twice(net, images):
    inner = net.conv1(images)
    normalised = net.bn2(net.conv2(inner))
    return (normalised + inner) * (normalised + inner)


def read_after_it_was_added(net, images):
    inner = net.conv1(images)
    normalised = net.bn2(net.conv2(inner))
    return (normalised + inner) * normalised


def returned_and_added(net, images):
    inner = net.conv1(images)
    normalised = net.bn2(net.conv2(inner))
    return normalised, normalised + inner


def added_to_a_parameter(net, images):
    normalised = net.bn2(net.conv2(net.conv1(images)))
    return normalised + net.bn2.weight.view(1, -1, 1, 1).expand(normalised.shape)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (added, {"bn2"}),
        (added_in_place, {"bn2"}),
        (added_to_a_parameter, {"bn2"}),
        (added_into_another, set()),
        (added_twofold, set()),
        (added_to_each_channel, set()),
        (added_to_itself, set()),
        (added_twice, set()),
        (read_after_it_was_added, set()),
        (returned_and_added, set()),
    ],
)
def test_what_is_only_added_to_a_tensor_of_its_size_is_known(use, expected):
    assert summed(use) == expected


def test_of_two_chains_that_are_added_to_each_other_the_first_is_the_sum():
    def use(net, images):
        return net.bn1(net.conv1(images)) + net.bn2(
            net.conv2(torch.cat([images, images[:, :1]], 1))
        )

    assert summed(use) == {"bn1"}
