import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.data.loader import batches, epoch_order
from prunescope.data.settings import Augmentation
from prunescope.training.evaluate import evaluate
from prunescope.training.loop import train


def step(iteration, per_epoch=3):
    return Step(iteration, per_epoch)


@pytest.fixture
def run(images, normalisation, make_settings):
    """Train on the tiny world: 3 steps an epoch."""

    def run(network, *, start=0, end=12, settings=None, **options):
        given = {"images": images, "seeds": Seeds.equal(5)} | options
        return train(
            network,
            given.pop("images"),
            settings=settings or make_settings(),
            normalisation=normalisation,
            start=step(start),
            end=step(end),
            **given,
        )

    return run


@pytest.mark.parametrize(("count", "size", "steps"), [(20, 8, 3), (16, 8, 2), (1, 8, 1)])
def test_the_last_smaller_batch_of_an_epoch_counts(count, size, steps):
    assert steps_per_epoch(count, size) == steps


def test_training_is_plain_sgd(run, images, normalisation, make_settings):
    settings = make_settings(augmentation=None, nesterov=True, milestones=("1ep1it",))
    torch.manual_seed(0)
    network, naive = (nn.Sequential(nn.Flatten(), nn.Linear(192, 3)) for _ in range(2))
    naive.load_state_dict(network.state_dict())
    run(network, settings=settings, end=6)

    velocity = [torch.zeros_like(weight) for weight in naive.parameters()]
    shown = itertools.chain.from_iterable(
        batches(
            images,
            batch_size=8,
            normalisation=normalisation,
            order=epoch_order(20, 5, epoch),
            seed=5,
            epoch=epoch,
            channels_last=False,
        )
        for epoch in range(2)
    )
    for iteration, (pixels, labels) in enumerate(shown):
        rate = 0.1 if iteration < 4 else 0.01
        slopes = torch.autograd.grad(cross_entropy(naive(pixels), labels), list(naive.parameters()))
        with torch.no_grad():
            for weight, speed, slope in zip(naive.parameters(), velocity, slopes, strict=True):
                pull = slope + 1e-3 * weight
                speed.mul_(0.9).add_(pull)
                weight.sub_(rate * (pull + 0.9 * speed))
    torch.testing.assert_close(network.state_dict(), naive.state_dict())


def test_training_learns_what_can_be_learnt(run, images, make_network):
    colours = torch.eye(3, dtype=torch.uint8)[images.labels] * 200
    plain = replace(images, pixels=colours[:, None, None, :].expand(-1, 8, 8, -1).contiguous())
    history = run(make_network(), images=plain)
    assert history.train_loss.iloc[-1] < 0.7 * history.train_loss.iloc[0]


def test_two_runs_give_the_same_bits_and_another_seed_does_not(run, make_network, same_bits):
    first, second, other = make_network(), make_network(), make_network()
    table = run(first)
    torch.manual_seed(123)
    assert run(second).equals(table)
    run(other, seeds=Seeds.equal(6))
    assert same_bits(first, second)
    assert not same_bits(first, other)


def test_the_callers_random_state_is_untouched(run, make_network):
    before = torch.get_rng_state()
    run(make_network(), end=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_networks_randomness_differs_from_step_to_step(run, make_network):
    kept = []
    network = make_network()
    network[3].register_forward_hook(
        lambda module, inputs, output: kept.append(output[0, 0] == inputs[0][0, 0])
    )
    run(network, end=2)
    assert not torch.equal(*kept)


def test_each_epoch_shows_every_image_once_altered_anew(run, make_network, make_settings):
    def sums_shown(augmentation):
        network, shown = make_network(), []
        network[0].register_forward_pre_hook(
            lambda module, inputs: shown.extend(inputs[0].double().sum((1, 2, 3)).tolist())
        )
        run(network, end=6, settings=make_settings(augmentation=augmentation))
        return shown[:20], shown[20:]

    first, second = sums_shown(None)
    assert first != second
    assert sorted(first) == pytest.approx(sorted(second))
    first, second = sums_shown(Augmentation(pad=2))
    assert sorted(first) != pytest.approx(sorted(second))


@pytest.mark.parametrize("middle", [1, 3, 4])
def test_without_momentum_a_stop_inside_an_epoch_changes_nothing(
    run, make_network, make_settings, same_bits, middle
):
    settings = make_settings(momentum=0.0)
    whole, parts = make_network(), make_network()
    run(whole, settings=settings, end=7)
    run(parts, settings=settings, end=middle)
    run(parts, settings=settings, start=middle, end=7)
    assert same_bits(whole, parts)


def test_momentum_is_fresh_at_the_start(run, make_network, same_bits):
    whole, parts = make_network(), make_network()
    run(whole, end=4)
    run(parts, end=3)
    run(parts, start=3, end=4)
    assert not same_bits(whole, parts)


def test_history_has_a_row_per_part_of_an_epoch(run, make_network, make_settings):
    history = run(make_network(), start=2, end=7, settings=make_settings(milestones=("2ep",)))
    assert history.epoch.tolist() == [0, 1, 2]
    assert history.iteration.tolist() == [3, 6, 7]
    assert history.learning_rate.tolist() == pytest.approx([0.1, 0.1, 0.01])
    images_shown = [4, 20, 8]  # the last batch of an epoch has 4 images
    right = [a * n for a, n in zip(history.train_accuracy, images_shown, strict=True)]
    assert right == pytest.approx([round(count) for count in right])
    assert history.train_loss.between(0, 5).all()


def test_history_of_equal_scores_is_the_logarithm_of_the_number_of_classes(run):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))

    @torch.no_grad()
    def silence(optimizer):
        for parameter in network.parameters():
            parameter.zero_()

    history = run(network, end=3, after_step=silence)
    assert history.train_loss.tolist() == pytest.approx([math.log(3)])
    assert history.train_accuracy.tolist() == [7 / 20]  # argmax of equal scores is class 0


def test_label_smoothing_spreads_a_share_of_the_label_over_all_classes(run, make_settings):
    """Scores of 1 for the right class and 0 else: by hand, the mean over the three classes."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))

    @torch.no_grad()
    def say_class_0(optimizer):
        network[1].weight.zero_()
        network[1].bias.copy_(torch.tensor([1.0, 0.0, 0.0]))

    history = run(
        network, end=3, after_step=say_class_0, settings=make_settings(label_smoothing=0.3)
    )
    total = math.log(math.e + 2)
    right, wrong = total - 1, total
    plain = (7 * right + 13 * wrong) / 20
    assert history.train_loss.tolist() == pytest.approx(
        [0.7 * plain + 0.3 * (right + 2 * wrong) / 3], rel=1e-5
    )


def test_no_steps_is_no_history(run, make_network, same_bits):
    network = make_network()
    calls = []
    history = run(network, start=4, end=4, after_step=calls.append)
    assert len(history) == 0
    assert len(calls) == 1
    assert same_bits(network, make_network())


def test_after_step_runs_before_the_first_step_and_after_every_one(run, make_network):
    network = make_network()
    seen = []
    run(network, end=5, after_step=lambda optimizer: seen.append(network[0].weight.clone()))
    assert len(seen) == 6
    assert torch.equal(seen[0], make_network()[0].weight)
    assert not torch.equal(seen[1], seen[0])
    assert torch.equal(seen[-1], network[0].weight)


def test_what_after_step_zeroes_stays_zero_with_its_momentum(run, make_network):
    network = make_network()
    mask = torch.arange(network[4].weight.numel()).view_as(network[4].weight) % 2 == 0
    optimizers = set()

    @torch.no_grad()
    def enforce(optimizer):
        optimizers.add(optimizer)
        network[4].weight.mul_(mask)
        if network[4].weight in optimizer.state:
            optimizer.state[network[4].weight]["momentum_buffer"].mul_(mask)

    run(network, after_step=enforce)
    (optimizer,) = optimizers
    assert (network[4].weight[~mask] == 0).all()
    assert (optimizer.state[network[4].weight]["momentum_buffer"][~mask] == 0).all()
    assert (network[4].weight[mask] != 0).all()


@pytest.mark.parametrize("training", [True, False])
def test_the_network_leaves_in_the_mode_it_came_in_without_gradients(run, make_network, training):
    network = make_network().train(training)
    run(network, end=2)
    assert all(module.training is training for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network[1].num_batches_tracked == 2  # yet it was trained in training mode


def test_channels_last_computes_so_and_leaves_plain_weights(run, make_network, make_settings):
    network, formats = make_network(), []
    network[0].register_forward_hook(
        lambda module, inputs, output: formats.append(
            [
                tensor.is_contiguous(memory_format=torch.channels_last)
                for tensor in (inputs[0], module.weight)
            ]
        )
    )
    run(network, end=2, settings=make_settings(channels_last=True))
    assert formats == [[True, True]] * 2
    for name, tensor in make_network().state_dict().items():
        assert network.state_dict()[name].stride() == tensor.stride()


def test_a_training_that_is_measured_in_between_goes_on_in_its_memory_format(
    run, images, normalisation, make_network, make_settings
):
    network, formats = make_network(), []
    network[0].register_forward_hook(
        lambda module, inputs, output: formats.append(
            module.weight.is_contiguous(memory_format=torch.channels_last)
        )
    )

    def test(network):
        return evaluate(network, images, normalisation=normalisation, channels_last=True).top1

    run(network, end=5, settings=make_settings(channels_last=True, evaluate_every="2it"), test=test)
    assert formats == [True] * (5 + 3)
    assert network[0].weight.is_contiguous()


def test_channels_last_changes_only_the_last_digits(run, make_network, make_settings):
    plain, other = make_network(), make_network()
    plain[3].p = other[3].p = 0.0  # dropout draws in memory order
    run(plain, end=3)
    run(other, end=3, settings=make_settings(channels_last=True))
    torch.testing.assert_close(plain.state_dict(), other.state_dict(), rtol=1e-3, atol=1e-4)


def test_bf16_computes_in_bf16_on_float32_weights(run, make_network, make_settings):
    network, seen = make_network(), []
    network[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    run(network, end=2, settings=make_settings(precision="bf16"))
    assert seen == [torch.bfloat16] * 2
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_progress_counts_the_images_from_start_to_end(run, make_network, recorder):
    run(make_network(), start=2, end=7, progress=recorder)
    assert recorder.tasks == [("training", 4 + 20 + 8)]
    assert sum(count for count, _ in recorder.advanced) == 32
    assert recorder.advanced[-1][1].endswith("learning rate 0.1")


def test_progress_of_a_resumed_training_begins_at_what_was_done(
    run, make_network, recorder, tmp_path
):
    calls = iter(range(100))

    def stop(optimizer):
        if next(calls) == 3:
            raise KeyboardInterrupt

    options = {"checkpoint": tmp_path / "checkpoint", "checkpoint_minutes": 0.0}
    with pytest.raises(KeyboardInterrupt):
        run(make_network(), start=2, end=7, after_step=stop, **options)
    run(make_network(), start=2, end=7, progress=recorder, **options)
    assert recorder.tasks == [("training", 4 + 20 + 8)]
    assert recorder.done == [4 + 8]
    assert sum(count for count, _ in recorder.advanced) == 8 + 4 + 8


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (step(0, 2), step(4, 2), "start counts 2 steps an epoch, but 20 images .* of 8 make 3"),
        (step(0), step(4, 2), "end counts 2 steps"),
        (step(5), step(4), "from 1ep2it to 1ep1it"),
        (step(0), step(13), "from 0it to 4ep1it is not within .* training.to = 4ep"),
    ],
)
def test_steps_that_do_not_fit_are_refused(
    images, normalisation, make_settings, make_network, same_bits, start, end, said
):
    network = make_network()
    with pytest.raises(ConfigError, match=said):
        train(
            network,
            images,
            settings=make_settings(),
            normalisation=normalisation,
            seeds=Seeds.equal(0),
            start=start,
            end=end,
        )
    assert same_bits(network, make_network())


def test_a_network_with_more_or_fewer_outputs_than_classes_is_refused(run, images, make_network):
    for classes in (("house", "car", "tree", "sky"), ("house", "car")):
        shown = replace(images, classes=classes, labels=images.labels.clamp(max=1))
        with pytest.raises(DataError, match=f"3 outputs, but the data has {len(classes)} classes"):
            run(make_network(), images=shown)
