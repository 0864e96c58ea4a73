"""Are statistics of batch normalisation those of the batches shown, and nothing else changed?"""

import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.data.loader import batches, epoch_order
from prunescope.training.loop import train
from prunescope.training.recalibration import normalisations, recalibrate

STATISTICS = {"1.running_mean", "1.running_var"}


@pytest.fixture
def run(images, normalisation):
    def run(network, **options):
        given = {"batches": 2, "batch_size": 8, "seeds": Seeds.equal(3)} | options
        return recalibrate(network, images, normalisation=normalisation, **given)

    return run


def first_batches(images, normalisation, count, size):
    """Return so many full batches, as recalibration shows them."""
    streams = Seeds.equal(3).derive("recalibration")
    found = []
    for epoch in range(count):
        order = epoch_order(len(images), streams.order, epoch)[: len(images) // size * size]
        found += [
            pixels
            for pixels, _ in batches(
                images, batch_size=size, normalisation=normalisation, order=order, epoch=epoch
            )
        ]
    return found[:count]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_statistics_are_the_plain_means_over_the_batches(
    run, images, normalisation, make_network, count
):
    network = make_network()
    assert run(network, batches=count) == 1
    means, variances = [], []
    with torch.no_grad():
        for pixels in first_batches(images, normalisation, count, 8):
            values = network[0](pixels).transpose(0, 1).flatten(1).double()
            means.append(values.mean(1))
            variances.append(values.var(1))  # unbiased
    state = network.state_dict()
    expected = torch.stack(means).mean(0), torch.stack(variances).mean(0)
    for name, value in zip(("1.running_mean", "1.running_var"), expected, strict=True):
        torch.testing.assert_close(state[name].double(), value, rtol=1e-4, atol=1e-5)


def test_nothing_else_changes(run, make_network):
    network = make_network()
    network[1].num_batches_tracked.fill_(41)
    network[1].momentum = 0.3
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    run(network)
    changed = {
        name for name, each in network.state_dict().items() if not torch.equal(each, before[name])
    }
    assert changed == STATISTICS
    assert network[1].momentum == 0.3
    assert all(module.training for module in network.modules())
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_is_off_meanwhile(run, make_network):
    network, kept = make_network(), []
    network[3].register_forward_hook(
        lambda module, inputs, output: kept.append(torch.equal(inputs[0], output))
    )
    run(network)
    assert kept == [True, True]


def test_what_the_statistics_were_before_does_not_matter(run, make_network, same_bits):
    first, second = make_network(), make_network()
    second[1].running_mean.fill_(float("nan"))
    second[1].running_var.fill_(7.0)
    run(first)
    run(second)
    assert same_bits(first, second)


def test_a_smaller_last_batch_is_left_out_and_a_small_set_is_shown_whole(run, make_network):
    for size, shown in ((8, [8, 8, 8]), (32, [20, 20, 20])):
        network, sizes = make_network(), []
        network.register_forward_pre_hook(
            lambda module, inputs, to=sizes: to.append(len(inputs[0]))
        )
        run(network, batches=3, batch_size=size)
        assert sizes == shown


def test_each_layer_sees_what_those_before_it_pass_on_when_normalised_by_the_batch(
    run, images, normalisation
):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip
    assert run(network, batches=1) == 2
    (pixels,) = first_batches(images, normalisation, 1, 8)
    with torch.no_grad():
        hidden = network[0](pixels)
        centred = hidden - hidden.mean((0, 2, 3), keepdim=True)
        scaled = centred / (hidden.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        values = network[3](scaled.relu()).transpose(0, 1).flatten(1)
    torch.testing.assert_close(network[4].running_mean, values.mean(1), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "layer", [nn.Identity(), nn.GroupNorm(2, 4), nn.BatchNorm2d(4, track_running_stats=False)]
)
def test_a_network_without_such_statistics_is_refused(run, make_network, layer):
    network = make_network()
    network[1] = layer
    assert normalisations(network) == []
    with pytest.raises(ConfigError, match="no batch normalisation with running means"):
        run(network)


def test_training_ends_with_recalibrated_statistics_of_the_weights_that_are_saved(
    images, normalisation, make_network, make_settings
):
    settings = make_settings(ema=0.9, recalibrate=3)
    network, other = make_network(), make_network()
    for each, changes in (
        (network, settings),
        (other, settings.model_copy(update={"recalibrate": None})),
    ):
        train(
            each, images, settings=changes, normalisation=normalisation, seeds=Seeds.equal(5),
            start=Step(0, 3), end=Step(4, 3),
        )  # fmt: skip
    assert not torch.equal(network[1].running_mean, other[1].running_mean)
    recalibrate(
        other, images, batches=3, batch_size=8, normalisation=normalisation,
        augmentation=settings.augmentation, seeds=Seeds.equal(5),
    )  # fmt: skip
    state = other.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
