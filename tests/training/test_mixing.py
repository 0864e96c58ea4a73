"""Are images mixed by the papers' formulas, and is the loss that of the mixed labels?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import log_softmax, one_hot

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.data.loader import epoch_order
from prunescope.training.loop import train
from prunescope.training.mixing import Mixture, draw_mixture, label_shown, loss_of, mixed

SHAPE = (4, 6, 10)


def draw(step=0, **alphas):
    return draw_mixture(
        SHAPE, **({"mixup": None, "cutmix": None} | alphas), seed=7, step=Step(step, 3)
    )


def blended(images, mixture):
    """Blend image by image, pixel by pixel."""
    result = np.empty_like(images)
    for i, j in enumerate(mixture.partner.tolist()):
        for y in range(images.shape[2]):
            for x in range(images.shape[3]):
                if mixture.box is None:
                    share = mixture.share
                else:
                    top, bottom, left, right = mixture.box
                    share = 0.0 if top <= y < bottom and left <= x < right else 1.0
                result[i, :, y, x] = share * images[i, :, y, x] + (1 - share) * images[j, :, y, x]
    return result


@pytest.mark.parametrize("alphas", [{"mixup": 0.4}, {"cutmix": 1.0}], ids=["mixup", "cutmix"])
@pytest.mark.parametrize("step", range(5))
def test_each_image_is_mixed_with_its_partner_by_the_formula(alphas, step):
    images = np.random.default_rng(0).normal(size=(4, 3, 6, 10)).astype(np.float32)
    mixture = draw(step, **alphas)
    shown = mixed(torch.from_numpy(images), mixture)
    np.testing.assert_allclose(shown.numpy(), blended(images, mixture), rtol=1e-5, atol=1e-6)
    assert sorted(mixture.partner.tolist()) == [0, 1, 2, 3]


@given(step=st.integers(0, 10_000), alpha=st.sampled_from([1e-3, 0.2, 1.0, 1e3]))
def test_the_share_of_cutmix_is_that_of_the_pixels_which_stay(step, alpha):
    mixture = draw(step, cutmix=alpha)
    top, bottom, left, right = mixture.box
    assert 0 <= top <= bottom <= 6
    assert 0 <= left <= right <= 10
    pasted = sum(top <= y < bottom and left <= x < right for y in range(6) for x in range(10))
    assert mixture.share == pytest.approx(1 - pasted / 60)


@pytest.mark.long
def test_shares_are_drawn_from_the_beta_distribution():
    """Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1))."""
    for alpha in (0.2, 1.0, 5.0):
        shares = np.array([draw(step, mixup=alpha).share for step in range(4000)])
        assert shares.mean() == pytest.approx(0.5, abs=0.03)
        assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_a_box_of_cutmix_has_the_side_that_its_share_asks_for():
    """Where no border cuts it, its area is 1 - share of the drawn one: here Beta(1e3, 1e3)."""
    areas = [1 - draw(step, cutmix=1e3).share for step in range(200)]
    assert max(areas) == pytest.approx(4 * 6 / 60, abs=0.01)  # sides of 0.71 x (6, 10), made even


def test_with_both_each_step_draws_one_of_them_equally_likely():
    boxes = [draw(step, mixup=0.2, cutmix=1.0).box is not None for step in range(500)]
    assert np.mean(boxes) == pytest.approx(0.5, abs=0.08)


def test_a_mixture_depends_on_the_seed_and_the_step_alone():
    first, again, later = draw(3, mixup=0.4), draw(3, mixup=0.4), draw(4, mixup=0.4)
    assert first.share == again.share
    assert torch.equal(first.partner, again.partner)
    assert later.share != first.share
    assert draw_mixture(SHAPE, mixup=0.4, cutmix=None, seed=8, step=Step(3, 3)).share != first.share


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_the_cross_entropy_with_blended_labels_then_smoothed(smoothing):
    torch.manual_seed(0)
    scores, labels = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 1])
    mixture = Mixture(partner=torch.tensor([2, 0, 3, 1]), share=0.3)
    target = 0.3 * one_hot(labels, 3).double() + 0.7 * one_hot(labels[mixture.partner], 3).double()
    target = (1 - smoothing) * target + smoothing / 3
    expected = -(target * log_softmax(scores, 1)).sum(1).mean()
    found = loss_of(scores.float(), labels, smoothing, mixture)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_a_right_answer_names_the_label_of_which_more_is_shown():
    labels, partner = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    for share, shown in ((0.7, [0, 1, 2]), (0.5, [0, 1, 2]), (0.4, [1, 2, 0])):
        assert label_shown(labels, Mixture(partner=partner, share=share)).tolist() == shown
    assert label_shown(labels, None).tolist() == [0, 1, 2]


@pytest.fixture
def run(images, normalisation):
    def run(network, settings, **options):
        return train(
            network, images, settings=settings, normalisation=normalisation,
            **({"seeds": Seeds.equal(5), "start": Step(0, 3), "end": Step(6, 3)} | options),
        )  # fmt: skip

    return run


def test_the_recorded_accuracy_of_a_constant_answer_is_what_can_be_counted(
    run, images, make_settings
):
    """Class 0 is right wherever it is the larger part: counted from the draws alone."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))

    @torch.no_grad()
    def say_class_0(optimizer):
        network[1].weight.zero_()
        network[1].bias.copy_(torch.tensor([1.0, 0.0, 0.0]))

    shown = []
    network.register_forward_pre_hook(lambda module, inputs: shown.append(len(inputs[0])))
    settings = make_settings(mixup=1.0, augmentation=None)
    history = run(network, settings, end=Step(3, 3), after_step=say_class_0)
    order, right, loss = epoch_order(20, 5, 0), 0, 0.0
    total = math.log(math.e + 2)
    for number in range(3):
        labels = images.labels[order[8 * number : 8 * number + 8]]
        mixture = draw_mixture(
            (len(labels), 8, 8), mixup=1.0, cutmix=None, seed=5, step=Step(number, 3)
        )
        partners = labels[mixture.partner]
        right += int(((labels if mixture.share >= 0.5 else partners) == 0).sum())
        for label, partner in zip(labels.tolist(), partners.tolist(), strict=True):
            of_label, of_partner = total - (label == 0), total - (partner == 0)
            loss += mixture.share * of_label + (1 - mixture.share) * of_partner
    assert shown == [8, 8, 4]
    assert history.train_accuracy.tolist() == [right / 20]
    assert history.train_loss.tolist() == pytest.approx([loss / 20], rel=1e-5)


def test_a_last_batch_of_one_image_is_its_own_partner():
    mixture = draw_mixture((1, 6, 10), mixup=1.0, cutmix=None, seed=1, step=Step(0, 3))
    image = torch.rand(1, 3, 6, 10)
    torch.testing.assert_close(mixed(image, mixture), image)
