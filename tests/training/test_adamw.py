"""Is AdamW that of the paper, and does a pruned weight stay out of its memory?"""

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
def settings(make_settings):
    return make_settings(optimizer="adamw", learning_rate=0.01, weight_decay=0.1, betas=(0.8, 0.95))


def test_training_is_plain_adamw(images, normalisation, make_settings):
    """Loshchilov & Hutter 2019, algorithm 2, number by number."""
    settings = make_settings(
        optimizer="adamw", betas=(0.8, 0.95), weight_decay=0.1, augmentation=None
    )
    torch.manual_seed(0)
    network, naive = (nn.Sequential(nn.Flatten(), nn.Linear(192, 3)) for _ in range(2))
    naive.load_state_dict(network.state_dict())
    train(
        network, images, settings=settings, normalisation=normalisation, seeds=Seeds.equal(5),
        start=Step(0, 3), end=Step(3, 3),
    )  # fmt: skip

    weights = list(naive.parameters())
    first, second = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    shown = batches(
        images, batch_size=8, normalisation=normalisation, order=epoch_order(20, 5, 0), seed=5
    )
    for t, (pixels, labels) in enumerate(shown, start=1):
        slopes = torch.autograd.grad(cross_entropy(naive(pixels), labels), weights)
        with torch.no_grad():
            for weight, m, v, slope in zip(weights, first, second, slopes, strict=True):
                weight.sub_(0.1 * 0.1 * weight)  # rate x decay, apart from the gradient
                m.copy_(0.8 * m + 0.2 * slope)
                v.copy_(0.95 * v + 0.05 * slope**2)
                m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.95**t)
                weight.sub_(0.1 * m_hat / (v_hat.sqrt() + 1e-8))
    torch.testing.assert_close(network.state_dict(), naive.state_dict(), rtol=1e-4, atol=1e-6)


def test_a_pruned_weight_and_its_memory_are_exactly_zero_after_every_step(
    images, normalisation, settings, make_network
):
    network = make_network()
    weight = network[4].weight
    kept = torch.arange(weight.numel()).view_as(weight) % 3 > 0
    keeper = MaskKeeper(network, Mask({"4.weight": kept}))
    steps = []

    def after_step(optimizer):
        keeper(optimizer)
        memory = optimizer.state.get(weight, {})
        steps.append(sorted(memory))
        for tensor in (weight, *(each for each in memory.values() if each.ndim)):
            assert not tensor[~kept].any()

    train(
        network, images, settings=settings, normalisation=normalisation, seeds=Seeds.equal(5),
        start=Step(0, 3), end=Step(9, 3), after_step=after_step,
    )  # fmt: skip
    assert steps == [[], *[["exp_avg", "exp_avg_sq", "step"]] * 9]
    assert (weight[kept] != 0).all()


def test_weight_decay_pulls_at_a_weight_by_the_rate_alone(
    images, normalisation, make_settings, make_network
):
    network = make_network()
    with torch.no_grad():
        network[7].weight.zero_()  # so that nothing before it has a slope
    before = network[0].weight.clone()
    train(
        network, images,
        settings=make_settings(optimizer="adamw", weight_decay=0.5, learning_rate=0.1),
        normalisation=normalisation, seeds=Seeds.equal(0), start=Step(0, 3), end=Step(1, 3),
    )  # fmt: skip
    assert torch.allclose(network[0].weight, (1 - 0.1 * 0.5) * before)
