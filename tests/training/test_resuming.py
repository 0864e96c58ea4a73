"""Does a training that is stopped at any steps end with the bits of one that was not?"""

import os
import signal
from itertools import count

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.base.stopping import Stopped, stoppable
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.results.checkpoints import checkpoint_step
from prunescope.training.loop import train
from training.shared_world import ALL, KEPT, OPTIMIZERS, Killed

START, END = 2, 11
EVERYTHING = ALL | {"keep_checkpoints": "2it"}
SOLVERS = OPTIMIZERS | {
    "adamw in bf16": {"optimizer": "adamw", "precision": "bf16", "channels_last": True},
}


@pytest.fixture(scope="module")
def once():
    """What trainings that nobody stopped gave, by their settings."""
    return {}


def kill():
    raise Killed


def tell_to_stop():
    os.kill(os.getpid(), signal.SIGUSR1)


@pytest.fixture
def world(images, normalisation, make_settings, make_network):
    def run(changes, checkpoint=None, kills=(), minutes=0.0, end=kill, in_test=(), reached=None):
        """Train masked, killed after so many steps each time; return all that comes of it.

        end: what ends it instead. in_test: in which of the measurements of accuracy, too.
        reached: a list for the step of the checkpoint that each leaves.
        """
        tests = count()

        def test(network):
            if next(tests) in in_test:
                end()
            return 0.5

        kept = {}
        for steps in [*kills, None]:
            network = make_network()
            keeper, calls = MaskKeeper(network, Mask({"4.weight": KEPT})), count()

            def after_step(optimizer, calls=calls, steps=steps):
                if next(calls) == steps:
                    end()

            def keep(network, step):
                kept[str(step)] = {k: v.clone() for k, v in network.state_dict().items()}

            try:
                with stoppable([signal.SIGUSR1]):
                    history = train(
                        network, images, settings=make_settings(**EVERYTHING, **changes),
                        normalisation=normalisation, seeds=Seeds(init=1, order=2, augmentation=3),
                        start=Step(START, 3), end=Step(END, 3), at_start=keeper,
                        before_step=keeper.clear_gradients, after_step=after_step,
                        test=test, keep=keep, checkpoint=checkpoint,
                        checkpoint_minutes=minutes,
                    )  # fmt: skip
            except (Killed, Stopped):
                if reached is not None:
                    reached.append(checkpoint_step(checkpoint))
                continue
        assert not network[4].weight[~KEPT].any()
        return network.state_dict(), history, kept

    return run


def assert_same(found, expected):
    for mine, theirs in zip((found[0], *found[2].values()), (expected[0], *expected[2].values()),
                            strict=True):  # fmt: skip
        assert list(mine) == list(theirs)
        for name, tensor in mine.items():
            assert tensor.numpy().tobytes() == theirs[name].numpy().tobytes(), name
    assert found[1].equals(expected[1])
    assert list(found[2]) == list(expected[2]) == ["1ep1it", "2ep", "2ep2it", "3ep1it"]


def check(world, once, tmp_path_factory, optimizer, kills, minutes):
    changes = SOLVERS[optimizer]
    if optimizer not in once:
        once[optimizer] = world(changes)
    path = tmp_path_factory.mktemp("work") / "checkpoint.safetensors"
    assert_same(world(changes, path, kills, minutes), once[optimizer])


kills = st.lists(st.integers(0, END - START), max_size=4)
sometimes = settings(max_examples=1, suppress_health_check=[HealthCheck.function_scoped_fixture])
often = settings(sometimes, max_examples=60)


@pytest.mark.parametrize("optimizer", SOLVERS)
@sometimes
@given(kills=kills, minutes=st.sampled_from([0.0, 1e6]))
def test_with_all_settings_a_training_resumes_at_any_step_bit_by_bit(
    world, once, tmp_path_factory, optimizer, kills, minutes
):
    check(world, once, tmp_path_factory, optimizer, kills, minutes)


@pytest.mark.long
@pytest.mark.parametrize("optimizer", SOLVERS)
@often
@given(kills=kills, minutes=st.sampled_from([0.0, 1e6]))
def test_a_training_resumes_bit_by_bit_many_times(
    world, once, tmp_path_factory, optimizer, kills, minutes
):
    check(world, once, tmp_path_factory, optimizer, kills, minutes)


@pytest.mark.parametrize(
    ("stops", "in_test", "reached"),
    [
        ([0], (), [None]),  # while the mask is enforced, before the first step
        ([1], (), ["1ep"]),
        ([3], (), ["1ep2it"]),
        ([4, 2], (), ["2ep", "2ep2it"]),
        ([END - START], (), ["3ep2it"]),
        ([99], (0,), ["1ep"]),
        ([99, 99], (1, 2), ["2ep", "2ep"]),
        ([99], (3,), ["3ep2it"]),
    ],
)
def test_a_training_told_to_stop_keeps_its_last_step_and_goes_on_bit_by_bit(
    world, once, tmp_path, stops, in_test, reached
):
    changes, path, steps = SOLVERS["sgd"], tmp_path / "checkpoint.safetensors", []
    if "sgd" not in once:
        once["sgd"] = world(changes)
    ended = world(changes, path, stops, 1e6, tell_to_stop, in_test, steps)
    assert_same(ended, once["sgd"])
    assert [step and str(step) for step in steps] == reached


def shown_to(network, images, normalisation, settings, seeds):
    """Train for two epochs; return the pixels and labels of every batch, and the weights."""
    shown = []
    hook = network[0].register_forward_pre_hook(
        lambda module, inputs: shown.append(inputs[0].clone())
    )
    train(
        network, images, settings=settings, normalisation=normalisation, seeds=seeds,
        start=Step(0, 3), end=Step(6, 3),
    )  # fmt: skip
    hook.remove()
    return shown


def by_image(batches, epoch):
    """Return an epoch's images as a set of bytes: which were shown, and how altered."""
    return {
        image.numpy().tobytes() for batch in batches[3 * epoch : 3 * epoch + 3] for image in batch
    }


def test_another_order_alone_shows_the_same_images_altered_alike_in_other_batches(
    images, normalisation, make_settings, make_network, same_bits
):
    settings = make_settings()
    first, second = make_network(), make_network()
    one, other = (
        shown_to(
            network, images, normalisation, settings, Seeds(init=1, order=order, augmentation=3)
        )
        for network, order in ((first, 2), (second, 9))
    )
    for epoch in range(2):
        assert by_image(one, epoch) == by_image(other, epoch)
    assert not torch.equal(one[0], other[0])
    assert not same_bits(first, second)


def test_another_augmentation_alone_keeps_the_order(
    images, normalisation, make_settings, make_network
):
    plain = make_settings(augmentation=None)
    one, other = (
        shown_to(
            make_network(), images, normalisation, plain, Seeds(init=1, order=2, augmentation=each)
        )
        for each in (3, 4)
    )
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    altered = make_settings()
    one, other = (
        shown_to(
            make_network(),
            images,
            normalisation,
            altered,
            Seeds(init=1, order=2, augmentation=each),
        )
        for each in (3, 4)
    )
    assert by_image(one, 0) != by_image(other, 0)


def test_the_seed_of_new_weights_changes_nothing_of_a_training(
    images, normalisation, make_settings, make_network, same_bits
):
    networks = make_network(), make_network()
    for network, init in zip(networks, (1, 8), strict=True):
        shown_to(
            network, images, normalisation, make_settings(mixup=0.4),
            Seeds(init=init, order=2, augmentation=3),
        )  # fmt: skip
    assert same_bits(*networks)
