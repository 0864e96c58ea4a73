"""Is the gradient that is followed no longer than asked, counted over what is left?"""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.data.loader import batches, epoch_order
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.training.loop import train


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))


@pytest.fixture
def one_step(images, normalisation, make_settings):
    """Take the first step of plain gradient descent at rate 1; return how the weights moved."""

    def step(network, **options):
        before = {name: each.detach().clone() for name, each in network.named_parameters()}
        changes = {"momentum": 0.0, "weight_decay": 0.0, "learning_rate": 1.0, "augmentation": None}
        train(
            network, images, settings=make_settings(**changes, clip_norm=options.pop("clip_norm")),
            normalisation=normalisation, seeds=Seeds.equal(5), start=Step(0, 3), end=Step(1, 3),
            **options,
        )  # fmt: skip
        return {name: before[name] - each.detach() for name, each in network.named_parameters()}

    return step


@pytest.fixture
def gradient(images, normalisation, linear):
    """The gradient of the first batch, by name."""
    shown = batches(
        images, batch_size=8, normalisation=normalisation, order=epoch_order(20, 5, 0), seed=5
    )
    pixels, labels = next(iter(shown))
    names, weights = zip(*linear.named_parameters(), strict=True)
    slopes = torch.autograd.grad(cross_entropy(linear(pixels), labels), weights)
    return dict(zip(names, slopes, strict=True))


def norm_of(tensors):
    return float(sum(tensor.double().square().sum() for tensor in tensors.values())) ** 0.5


def test_a_longer_gradient_is_scaled_to_the_norm_in_its_direction(one_step, linear, gradient):
    norm = norm_of(gradient)
    moved = one_step(linear, clip_norm=norm / 4)
    for name, slope in gradient.items():
        torch.testing.assert_close(moved[name], slope / 4, rtol=1e-3, atol=1e-6)
    assert norm_of(moved) == pytest.approx(norm / 4, rel=1e-4)


def test_a_shorter_gradient_stays_as_it_is(one_step, linear, gradient):
    moved = one_step(linear, clip_norm=2 * norm_of(gradient))
    for name, slope in gradient.items():
        torch.testing.assert_close(moved[name], slope, rtol=1e-3, atol=1e-6)


def test_the_gradient_of_pruned_weights_does_not_count(one_step, images, normalisation, linear):
    kept = torch.zeros(3, 192, dtype=torch.bool)
    kept[:, :20] = True
    keeper = MaskKeeper(linear, Mask({"1.weight": kept}))
    moved = one_step(linear, clip_norm=0.01, after_step=keeper, before_step=keeper.clear_gradients)
    assert norm_of(moved) == pytest.approx(0.01, rel=1e-3)
    assert not moved["1.weight"][~kept].any()


def test_gradients_are_cleared_where_weights_are_pruned_and_nowhere_else():
    network = nn.Linear(4, 2)
    kept = torch.tensor([[True, False, True, False], [False, True, True, True]])
    keeper = MaskKeeper(network, Mask({"weight": kept}))
    keeper.clear_gradients()  # nothing to clear yet
    network.weight.grad, network.bias.grad = torch.full((2, 4), 3.0), torch.full((2,), 3.0)
    network.weight.grad[0, 1] = float("nan")
    keeper.clear_gradients()
    assert torch.equal(network.weight.grad, 3.0 * kept)
    assert network.bias.grad.tolist() == [3.0, 3.0]
