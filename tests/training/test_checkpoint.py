import math

import pytest
import torch

from prunescope.base.errors import TrainingDiverged
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.base.tensors import load_metadata, load_tensors, save_tensors
from prunescope.training import trainer
from prunescope.training.loop import train

END = 8  # in the third epoch of three steps


class Killed(Exception):
    pass


@pytest.fixture
def run(images, normalisation, make_settings, tmp_path):
    def run(network, *, settings=None, **options):
        return train(
            network,
            images,
            settings=settings or make_settings(),
            normalisation=normalisation,
            **(
                {
                    "seeds": Seeds.equal(5),
                    "start": Step(1, 3),
                    "end": Step(END, 3),
                    "checkpoint": tmp_path / "level" / "checkpoint.safetensors",
                    "identity": "a",
                }
                | options
            ),
        )

    return run


@pytest.fixture
def path(tmp_path):
    return tmp_path / "level" / "checkpoint.safetensors"


def killing(calls):
    """Die in the call of this number; call 0 comes before the first step."""
    left = iter(range(calls))

    def after_step(optimizer):
        if next(left, None) is None:
            raise Killed

    return after_step


def iteration_of(path):
    return int(load_metadata(path)["iteration"])


@pytest.mark.long
@pytest.mark.parametrize("minutes", [0.0, 1e6], ids=["every step", "every epoch"])
@pytest.mark.parametrize(
    "changes",
    [
        {"nesterov": True, "warmup": "1ep1it", "milestones": ("2ep",)},
        {"precision": "bf16", "channels_last": True, "schedule": "cosine"},
        {"momentum": 0.0, "augmentation": None},
        {"optimizer": "adamw", "learning_rate": 0.01},
    ],
    ids=["nesterov", "bf16", "plain", "adamw"],
)
def test_a_training_killed_at_any_step_ends_with_the_bits_of_one_that_was_not(
    run, make_network, make_settings, same_bits, path, minutes, changes
):
    settings = make_settings(**changes)
    whole = make_network()
    expected = run(whole, settings=settings, checkpoint=None)
    for killed_at in range(END):
        path.unlink(missing_ok=True)
        with pytest.raises(Killed):
            run(
                make_network(),
                settings=settings,
                after_step=killing(killed_at),
                checkpoint_minutes=minutes,
            )
        resumed = make_network()
        assert run(resumed, settings=settings).equals(expected)
        assert same_bits(resumed, whole)


def test_a_training_killed_again_and_again_ends_with_the_same_bits(
    run, make_network, same_bits, path
):
    whole = make_network()
    expected = run(whole, checkpoint=None)
    for _ in range(END - 2):  # each time one step is taken and kept, and one is lost
        with pytest.raises(Killed):
            run(make_network(), after_step=killing(2), checkpoint_minutes=0.0)
    assert iteration_of(path) == END - 1
    resumed = make_network()
    assert run(resumed).equals(expected)
    assert same_bits(resumed, whole)


@pytest.mark.parametrize(("minutes", "written"), [(0.0, range(2, 9)), (1e6, [3, 6, 8])])
def test_a_checkpoint_is_written_at_each_epochs_end_and_when_its_time_has_come(
    run, make_network, path, minutes, written
):
    seen = []
    run(
        make_network(),
        checkpoint_minutes=minutes,
        after_step=lambda optimizer: seen.append(iteration_of(path) if path.exists() else None),
    )
    assert sorted({*seen, iteration_of(path)} - {None}) == list(written)


def test_a_finished_training_is_not_repeated(run, make_network, same_bits):
    first, second, calls = make_network(), make_network(), []
    expected = run(first)
    assert run(second, after_step=calls.append).equals(expected)
    assert len(calls) == 1
    assert same_bits(first, second)


def test_after_step_sees_the_weights_and_momentum_that_were_read(run, make_network, path):
    run(make_network(), end=Step(END, 3))
    network, seen = make_network(), []

    def look(optimizer):
        seen.append(optimizer.state[network[0].weight]["momentum_buffer"].clone())
        seen.append(network[0].weight.detach().clone())

    run(network, after_step=look)
    tensors = load_tensors(path)
    assert torch.equal(seen[0], tensors["momentum.0.weight"])
    assert torch.equal(seen[1], tensors["network.0.weight"])


@pytest.mark.parametrize("change", ["identity", "seed", "settings", "start", "network"])
def test_the_checkpoint_of_another_training_is_ignored_with_a_word(
    run, make_network, make_settings, same_bits, path, recorder, change
):
    run(make_network())
    make = make_network
    options = {
        "identity": {"identity": "b"},
        "seed": {"seeds": Seeds.equal(6)},
        "settings": {"settings": make_settings(learning_rate=0.2)},
        "start": {"start": Step(0, 3)},
        "network": {},
    }[change]
    if change == "network":

        def make():
            return torch.nn.Sequential(make_network(), torch.nn.Identity())

    network, fresh = make(), make()
    run(network, progress=recorder, **options)
    run(fresh, checkpoint=None, **options)
    assert recorder.said == [f"{path} is the checkpoint of another training; training starts over"]
    assert same_bits(network, fresh)


@pytest.mark.parametrize("kept", [0, 5, 1000])
def test_a_damaged_checkpoint_is_ignored_with_a_word(
    run, make_network, same_bits, path, recorder, kept
):
    whole, network = make_network(), make_network()
    run(whole)
    path.write_bytes(path.read_bytes()[:kept])
    run(network, progress=recorder)
    assert len(recorder.said) == 1
    assert recorder.said[0].startswith(str(path))
    assert same_bits(network, whole)


def spoiling(network, call, value):
    calls = iter(range(100))

    @torch.no_grad()
    def after_step(optimizer):
        if next(calls) == call:
            network[0].weight[0, 0, 0, 0] = value

    return after_step


def test_a_loss_that_is_no_number_stops_training_and_keeps_the_last_good_checkpoint(
    run, make_network, path
):
    network = make_network()
    with pytest.raises(TrainingDiverged) as caught:
        run(network, after_step=spoiling(network, 4, math.nan))  # steps 1 to 4 are good
    assert str(caught.value) == (
        "the loss is nan at step 1ep2it with learning rate 0.1; "
        f"the last good checkpoint, at step 1ep, is {path}. "
        "Lower the learning rate"
    )
    assert iteration_of(path) == 3
    assert all(tensor.isfinite().all() for tensor in load_tensors(path).values())


def test_a_resumed_training_that_diverges_names_the_checkpoint_it_came_from(
    run, make_network, path
):
    with pytest.raises(Killed):
        run(make_network(), after_step=killing(4))
    network = make_network()
    with pytest.raises(TrainingDiverged, match=f"at step 1ep1it .* at step 1ep, is {path}"):
        run(network, after_step=spoiling(network, 1, math.nan))


@pytest.mark.parametrize("between", [2, 50])
def test_looking_at_losses_seldom_changes_nothing_but_the_time_of_looking(
    run, make_network, same_bits, path, monkeypatch, between
):
    whole, seldom, spoilt = make_network(), make_network(), make_network()
    expected = run(whole, checkpoint=None)
    monkeypatch.setattr(trainer, "_steps_between_readings", lambda device: between)
    assert run(seldom, checkpoint=None).equals(expected)
    assert same_bits(seldom, whole)
    with pytest.raises(TrainingDiverged, match="the loss is nan at step 1ep1it"):
        run(spoilt, after_step=spoiling(spoilt, 3, math.nan))
    assert iteration_of(path) == 3


@pytest.mark.parametrize(
    ("minutes", "call", "step", "kept"), [(0.0, 4, "1ep1it", 4), (1e6, 5, "1ep2it", 3)]
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_never_saved(
    run, make_network, path, minutes, call, step, kept, value
):
    network = make_network()
    said = f"or a running statistic is no longer finite at step {step} with .* at step "
    with pytest.raises(TrainingDiverged, match=said):
        run(network, after_step=spoiling(network, call, value), checkpoint_minutes=minutes)
    assert iteration_of(path) == kept
    assert all(tensor.isfinite().all() for tensor in load_tensors(path).values())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_running_statistics_that_are_not_finite_are_never_saved(run, make_network, path, value):
    network = make_network()
    calls = iter(range(100))

    @torch.no_grad()
    def spoil(optimizer):
        if next(calls) == 4:  # no loss of a training is computed from it
            network[1].running_var[0] = value

    with pytest.raises(TrainingDiverged, match="no longer finite at step"):
        run(network, after_step=spoil, checkpoint_minutes=0.0)
    assert iteration_of(path) == 4
    assert all(tensor.isfinite().all() for tensor in load_tensors(path).values())


def test_a_constant_that_is_infinite_on_purpose_stops_nothing(run, make_network, path):
    network = make_network()
    network.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    run(network)
    assert iteration_of(path) == END


def test_the_last_step_is_checked_even_without_a_checkpoint(run, make_network):
    network = make_network()
    with pytest.raises(TrainingDiverged, match="no checkpoint was kept"):
        run(network, after_step=spoiling(network, END - 1, math.inf), checkpoint=None)


def test_a_learning_rate_far_too_high_is_told_to_the_user(run, make_network, make_settings):
    settings = make_settings(learning_rate=1e15)
    with pytest.raises(TrainingDiverged, match=r"with learning rate 1e\+15"):
        run(make_network(), settings=settings)


def test_the_memory_of_adamw_is_that_of_torch_after_it_was_read(
    run, make_network, make_settings, path
):
    settings, seen = make_settings(optimizer="adamw"), []
    run(make_network(), settings=settings)
    network = make_network()

    def look(optimizer):
        state = optimizer.state[network[0].weight]
        seen.append({word: memory.clone() for word, memory in state.items()})

    run(network, settings=settings, after_step=look)
    tensors = load_tensors(path)
    assert seen[0].keys() == {"step", "exp_avg", "exp_avg_sq"}
    for word, memory in seen[0].items():
        assert torch.equal(memory, tensors[f"{word}.0.weight"])
    assert seen[0]["step"] == END - 1


@pytest.mark.parametrize("lost", ["exp_avg.0.weight", "average.1.running_mean"])
def test_a_checkpoint_with_a_tensor_of_another_shape_is_ignored_with_a_word(
    run, make_network, make_settings, same_bits, path, recorder, lost
):
    settings = make_settings(optimizer="adamw", ema=0.9)
    whole, network = make_network(), make_network()
    run(whole, settings=settings)
    tensors, metadata = load_tensors(path), load_metadata(path)
    tensors[lost] = torch.zeros(7)
    save_tensors(path, tensors, {k: v for k, v in metadata.items() if k != "sha256"}, sealed=True)
    run(network, settings=settings, progress=recorder)
    assert recorder.said == [
        f"{path} is damaged: its tensors are not those of the network; training starts over"
    ]
    assert same_bits(network, whole)


def test_an_average_that_is_not_finite_is_never_saved(run, make_network, make_settings, path):
    network = make_network()
    with pytest.raises(TrainingDiverged):
        run(
            network,
            settings=make_settings(ema=0.9),
            after_step=spoiling(network, 4, math.inf),
            checkpoint_minutes=0.0,
        )
    assert all(tensor.isfinite().all() for tensor in load_tensors(path).values())
