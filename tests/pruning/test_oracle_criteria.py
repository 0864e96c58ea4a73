"""Does each weight score what the written method says?"""

import copy

import pytest
import torch

from oracle import criteria as oracle
from oracle import scopes
from prunescope.base.errors import ConfigError
from prunescope.base.seeding import derive_seed
from prunescope.pruning.criteria import grasp, magnitude, snip, synflow
from prunescope.pruning.scoring import score
from prunescope.pruning.scoring_images import NoImages
from prunescope.pruning.selection import LevelRule, prune_by
from prunescope.pruning.strategy import StrategySettings
from pruning.scored_networks import (
    NETWORKS,
    SEED,
    SHAPE,
    frozen,
    images,
    made,
    ones,
    plain,
    smooth,
    some,
)

as_name = pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)


def draw(number: int) -> None:
    """Seed what a network draws as it sees a batch: the same as in the package."""
    torch.manual_seed(derive_seed(SEED, "score", number))


def by_oracle(criterion, network, mask, batches, **options):
    """Return naive scores of a network as it is trained."""
    naive = {snip: oracle.snip, grasp: oracle.grasp}[criterion]
    train = copy.deepcopy(network).train()
    return naive(train, dict(mask), list(batches), draw=draw, **options)


def scored(criterion, network, mask, batches):
    return score(network, mask, criterion.__name__.rpartition(".")[2], SEED, batches)


def as_lists(tensors):
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()}


def check_close(scores, expected, relative=1e-5):
    """Compare the scores of each tensor, up to a part of the largest one."""
    assert list(scores) == list(expected)
    for name, exact in expected.items():
        assert scores[name].shape == exact.shape
        largest = exact.abs().max()
        assert largest > 0, f"{name}: nothing is compared"
        assert (scores[name].double() - exact).abs().max() <= relative * largest, name


@as_name
def test_magnitude_is_that_of_the_weight(make):
    network = made(make)
    mask = ones(network)
    scores = scored(magnitude, network, mask, images())
    expected = oracle.magnitude(network, dict(mask))
    assert all(torch.equal(scores[name].double(), exact) for name, exact in expected.items())


@as_name
@pytest.mark.parametrize("criterion", [snip, grasp])
@pytest.mark.parametrize("batch_size", [10, 4])
def test_weight_times_gradient_and_weight_times_hessian_times_gradient(criterion, make, batch_size):
    network = made(make)
    mask, batches = ones(network), images(batch_size=batch_size)
    expected = by_oracle(criterion, network, mask, batches)
    check_close(scored(criterion, network, mask, batches), expected)


def test_the_hessian_written_out_and_the_change_of_the_gradient_agree():
    network = made(smooth).train()
    alive, batches = dict(ones(network)), list(images())
    expected = oracle.grasp(network, alive, batches)
    check_close(oracle.grasp_by_differences(network, alive, batches), expected, 1e-6)


@pytest.mark.parametrize("criterion", [snip, grasp])
def test_the_loss_is_that_of_training_with_its_smoothed_labels(criterion):
    network = made(plain)
    mask, batches = ones(network), images(smoothing=0.2)
    expected = by_oracle(criterion, network, mask, batches, smoothing=0.2)
    check_close(scored(criterion, network, mask, batches), expected)


@pytest.mark.parametrize("criterion", [snip, grasp])
@pytest.mark.parametrize("training", [True, False])
def test_scoring_leaves_the_network_as_it_was(criterion, training):
    network = made(plain).train(training)
    before = copy.deepcopy(network.state_dict())
    scored(criterion, network, ones(network), images(batch_size=4))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training is training for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("criterion", [snip, grasp])
@as_name
def test_pruned_weights_are_zero_when_the_others_are_scored(criterion, make):
    network = made(make)
    mask, batches = some(network), images()
    expected = by_oracle(criterion, network, mask, batches)
    with torch.no_grad():
        for name, kept in mask.items():
            network.get_parameter(name).mul_(kept)
    scores = scored(criterion, network, mask, batches)
    check_close({name: scores[name] * kept for name, kept in mask.items()}, expected)


@as_name
def test_synflow_is_weight_times_change_of_the_flow(make):
    network = made(make)
    mask = ones(network)
    expected = oracle.flow(network, dict(mask), SHAPE)
    scores = scored(synflow, network, mask, images())
    assert all(tensor.dtype == torch.float64 for tensor in scores.values())
    check_close(scores, expected, 1e-12)


@pytest.mark.parametrize("criterion", [snip, grasp, synflow])
def test_scores_are_taken_where_nothing_else_is_differentiated(criterion):
    network = made(frozen)
    mask, batches = ones(network), images()
    expected = scored(criterion, network, mask, batches)
    with torch.no_grad():
        scores = scored(criterion, network, mask, batches)
    assert as_lists(scores) == as_lists(expected)
    assert not network[0].weight.requires_grad
    assert network[7].weight.requires_grad


@pytest.mark.parametrize("criterion", [snip, grasp])
def test_without_images_the_loss_is_unknown(criterion):
    network = made(plain)
    with pytest.raises(ConfigError, match="labelled images"):
        criterion.scores(network, ones(network), NoImages(network))


def test_random_scores_are_all_different_and_another_seeds_are_others():
    network = made(plain)
    mask = ones(network)
    drawn = [score(network, mask, "random", seed, images()) for seed in (0, 0, 1)]
    first, again, other = (torch.cat([t.flatten() for t in s.values()]) for s in drawn)
    assert torch.equal(first, again)
    assert len(torch.cat([first, other]).unique()) == 2 * mask.size


def level(number: int, **strategy) -> LevelRule:
    return LevelRule.of(StrategySettings(**strategy), number)


@pytest.mark.long
@as_name
def test_a_hundred_rounds_of_synflow_leave_the_weights_that_the_method_says(make):
    network = made(make)
    strategy = {"criterion": "synflow", "densities": [0.4, 0.04]}
    before = ones(network)
    for number, density in enumerate(strategy["densities"], 1):
        after = prune_by(level(number, **strategy), network, before, images=images(), seed=0)
        expected = oracle.synflow(network, dict(before), SHAPE, density, synflow.ROUNDS)
        assert as_lists(after) == as_lists(expected)
        assert after.survivors == round(before.size * density)
        before = after


@pytest.mark.parametrize("criterion", [snip, grasp])
@as_name
def test_single_shot_scores_rank_the_survivors_of_each_level(criterion, make):
    network = made(make)
    dense, batches = ones(network), images()
    strategy = {"criterion": criterion.__name__.rpartition(".")[2], "densities": [0.6, 0.2]}
    scores = as_lists(by_oracle(criterion, network, dense, batches))
    before = dense
    for number, density in enumerate(["0.6", "0.2"], 1):
        after = prune_by(
            level(number, **strategy),
            network,
            before,
            images=batches,
            seed=0,
            scored_under=dense,
        )
        count = scopes.share(dense.size, density)
        assert as_lists(after) == scopes.keep_highest(scores, as_lists(before), count)
        before = after


def test_random_levels_shrink_to_exactly_the_asked_numbers_wherever_they_are():
    network = made(plain)
    strategy = {"criterion": "random", "densities": [0.5, 0.21]}
    levels = [ones(network)]
    for number in (1, 2):
        rule = level(number, **strategy)
        levels.append(prune_by(rule, network, levels[-1], images=images(), seed=number))
    assert scopes.only_shrinks([as_lists(mask) for mask in levels])
    assert [mask.survivors for mask in levels] == [225, 112, 47]  # 112.5 and 47.25
    others = [
        prune_by(level(1, **strategy), network, levels[0], images=images(), seed=seed)
        for seed in range(40)
    ]
    often = sum(torch.cat([kept.flatten() for kept in mask.values()]).double() for mask in others)
    assert 4 < often.min() <= often.max() < 36  # 20 on average, with a deviation of 3
