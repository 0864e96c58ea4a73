"""Is what is saved the moving average of the weights, and is a pruned weight zero in it?"""

import math

import pytest
import torch

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.base.tensors import load_tensors
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.training.loop import train

DECAY = 0.8
STATISTICS = ("1.running_mean", "1.running_var")


@pytest.fixture
def run(images, normalisation, make_settings):
    def run(network, *, changes=None, **options):
        return train(
            network, images, settings=make_settings(**({"ema": DECAY} | (changes or {}))),
            normalisation=normalisation,
            **({"seeds": Seeds.equal(5), "start": Step(0, 3), "end": Step(7, 3)} | options),
        )  # fmt: skip

    return run


def naive_average(states):
    """Average state dicts one after the other: the first is where it begins."""
    average = {name: tensor.double().clone() for name, tensor in states[0].items()}
    for state in states[1:]:
        for name, tensor in state.items():
            average[name] = DECAY * average[name] + (1 - DECAY) * tensor.double()
    return average


def test_the_network_ends_as_the_average_over_all_steps(run, make_network):
    network, states = make_network(), []

    def look(optimizer):
        state = network.state_dict()
        states.append({name: tensor.clone() for name, tensor in state.items()})

    run(network, after_step=look)
    assert len(states) == 8
    smooth = [name for name, _ in network.named_parameters()] + list(STATISTICS)
    expected = naive_average([{name: state[name] for name in smooth} for state in states])
    for name in smooth:
        torch.testing.assert_close(
            network.state_dict()[name].double(), expected[name], rtol=1e-5, atol=1e-7
        )
    assert network[1].num_batches_tracked == 7  # a counter is not averaged


def test_the_training_itself_is_not_changed_by_its_average(run, make_network, same_bits):
    ends = []
    for changes in ({}, {"ema": None}):
        network = make_network()
        run(network, changes=changes, after_step=lambda optimizer, net=network: ends.append(
            {name: tensor.clone() for name, tensor in net.state_dict().items()}
        ))  # fmt: skip
    with_average, without = ends[7], ends[15]
    assert all(torch.equal(with_average[name], without[name]) for name in without)


def test_a_pruned_weight_is_exactly_zero_in_the_average(run, make_network):
    network = make_network()
    kept = torch.arange(24).view(6, 4, 1, 1) % 2 == 0
    with torch.no_grad():
        network[4].weight.add_(1.0)
    run(network, after_step=MaskKeeper(network, Mask({"4.weight": kept})))
    assert not network[4].weight[~kept].any()
    assert (network[4].weight[kept] != 0).all()


def test_the_average_begins_with_what_is_enforced(run, make_network):
    """A weight that is set to zero before the first step never was anything else to it."""
    network = make_network()

    @torch.no_grad()
    def enforce(optimizer):
        network[4].weight[0].zero_()

    run(network, after_step=enforce)
    assert not network[4].weight[0].any()


def test_accuracy_is_measured_on_the_average_and_training_goes_on_with_the_weights(
    run, make_network, same_bits
):
    plain, network = make_network(), make_network()
    run(plain)
    measured, states = [], []

    def look(optimizer):
        states.append({name: tensor.clone() for name, tensor in network.state_dict().items()})

    def test(shown):
        measured.append({name: tensor.clone() for name, tensor in shown.state_dict().items()})
        return 0.5

    run(network, after_step=look, test=test)
    assert same_bits(plain, network)
    for number, steps in enumerate((3, 6, 7)):
        expected = naive_average([{"4.weight": state["4.weight"]} for state in states[: steps + 1]])
        torch.testing.assert_close(
            measured[number]["4.weight"].double(), expected["4.weight"], rtol=1e-5, atol=1e-7
        )


def test_a_constant_that_is_infinite_stays_so(run, make_network):
    network = make_network()
    network.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    run(network)
    assert network.mask.tolist() == [0.0, -math.inf]


def test_a_checkpoint_holds_the_weights_and_beside_them_their_average(run, make_network, tmp_path):
    network, last = make_network(), {}
    path = tmp_path / "checkpoint.safetensors"
    run(
        network, checkpoint=path,
        after_step=lambda optimizer: last.update(weight=network[4].weight.detach().clone()),
    )  # fmt: skip
    tensors = load_tensors(path)
    assert torch.equal(tensors["network.4.weight"], last["weight"])
    assert torch.equal(tensors["average.4.weight"], network[4].weight)
    assert torch.equal(tensors["average.1.running_var"], network[1].running_var)
    assert "average.1.num_batches_tracked" not in tensors


def test_a_finished_training_that_is_called_again_ends_with_the_average(
    run, make_network, same_bits, tmp_path
):
    first, again, path = make_network(), make_network(), tmp_path / "checkpoint.safetensors"
    run(first, checkpoint=path)
    run(again, checkpoint=path)
    assert same_bits(first, again)


def test_weights_that_are_kept_on_the_way_are_averages_too(run, make_network):
    network, states, kept = make_network(), [], {}

    def look(optimizer):
        states.append({"4.weight": network[4].weight.detach().clone()})

    def keep(shown, step):
        kept[step.iteration] = shown[4].weight.detach().clone()

    run(network, changes={"keep_checkpoints": "2it"}, after_step=look, keep=keep)
    assert list(kept) == [2, 4, 6]
    for iteration, weight in kept.items():
        expected = naive_average(states[: iteration + 1])["4.weight"]
        torch.testing.assert_close(weight.double(), expected, rtol=1e-5, atol=1e-7)
