"""Do exactly the filters survive that the method says?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from oracle import filters as oracle
from prunescope.base.errors import ConfigError
from prunescope.base.settings import Settings
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.pruning import prune_filters
from prunescope.pruning.filters.removal import remove_filters
from prunescope.pruning.filters.scoring import filter_scores, select_groups
from prunescope.pruning.mask import Mask
from prunescope.pruning.settings import PruneSettings
from small_networks import PIXELS, plain, residual


def _two_layers(filters: int = 6) -> nn.Sequential:
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(3, filters, 1, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
        nn.Conv2d(filters, 4, 1, bias=False),
    )
    for tensor in (network[1].running_mean, network[1].bias, network[1].weight):
        torch.nn.init.normal_(tensor)
    torch.nn.init.uniform_(network[1].running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize("keep", ["0.5", "0.25", "0.75", "0.9"])
def test_two_layers_are_as_the_oracle_says(keep: str) -> None:
    network = _two_layers()
    first, norm, _, second = network
    expected = [oracle.group_score([row.flatten().tolist()]) for row in first.weight]
    left = oracle.surviving_groups(expected, keep)

    small = prune_filters(
        network, PruneSettings(keep=float(keep), structure="filters"), resolution=4
    )
    groups = find_groups(network, resolution=4)
    assert filter_scores(groups, network.state_dict())["0"].tolist() == pytest.approx(expected)
    assert small.survivors["0"].tolist() == left
    assert small.units["0"] == tuple(i for i, stays in enumerate(left) if stays)
    pixel = torch.tensor([0.3, -1.2, 0.7])
    with torch.no_grad():
        computed = small.module(pixel.reshape(1, 3, 1, 1)).flatten().tolist()
    statistics = torch.stack([norm.running_mean, norm.running_var, norm.weight, norm.bias], dim=1)
    by_hand = oracle.two_layers(
        pixel.tolist(),
        first.weight.flatten(1).tolist(),
        [tuple(row) for row in statistics.tolist()],
        second.weight.flatten(1).tolist(),
        left,
        norm.eps,
    )
    assert computed == pytest.approx(by_hand, rel=1e-5)


def test_the_score_of_a_residual_stream_is_the_mean_over_its_layers() -> None:
    network = residual()
    groups = find_groups(network, resolution=PIXELS)
    scores = filter_scores(groups, network.state_dict())

    layers = [network[0], network[2].conv2, network[3].conv2]
    expected = [
        oracle.group_score([layer.weight[number].flatten().tolist() for layer in layers])
        for number in range(8)
    ]
    assert groups.sets[0].layers == ("0", "2.conv2", "3.conv2")
    assert scores["0"].tolist() == pytest.approx(expected)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.sampled_from(["0.2", "0.5", "0.7"]))
def test_of_equal_scores_the_lower_number_survives(values: list[int], keep: str) -> None:
    scores = torch.tensor(values, dtype=torch.float64)
    alive = Mask({"conv": torch.ones(len(values), dtype=torch.bool)})
    expected = oracle.surviving_groups([float(value) for value in values], keep)

    count = sum(expected)
    chosen = select_groups({"conv": scores}, alive, lambda _: count, allow_empty=True)
    assert chosen["conv"].tolist() == expected


def test_masks_only_shrink() -> None:
    network = plain()
    groups = find_groups(network, resolution=PIXELS)
    scores = filter_scores(groups, network.state_dict())
    survivors = groups.everything
    for left in (6, 4, 2):
        smaller = select_groups(
            scores, survivors, lambda part, left=left: min(left, part.survivors)
        )
        assert all(not bool((smaller[name] & ~survivors[name]).any()) for name in survivors)
        survivors = smaller


def test_globally_all_groups_compete() -> None:
    network = plain()
    with torch.no_grad():
        network[3].weight.mul_(0.01)
    settings = PruneSettings(keep=0.8, structure="filters", scope="global")
    small = prune_filters(network, settings, resolution=PIXELS)

    assert small.survivors.survivors == round(0.8 * 24)
    assert {name: int(kept.sum()) for name, kept in small.survivors.items()}["3"] < 6


def test_a_layer_of_which_nothing_is_left_is_named() -> None:
    network = plain()
    with torch.no_grad():
        network[3].weight.mul_(1e-6)
    settings = PruneSettings(keep=0.5, structure="filters", scope="global")

    with pytest.raises(ConfigError, match="no filter would be left of 3"):
        prune_filters(network, settings, resolution=PIXELS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"keep": None}, "how many of them to keep"),
        ({"keep": 0.01}, "no filter would be left of 0"),
        ({"prunable": "conv"}, None),
    ],
)
def test_filters_that_cannot_be_kept_are_refused(
    changed: dict[str, object], message: str | None
) -> None:
    settings = PruneSettings(**{"keep": 0.5, "structure": "filters", **changed})
    assert isinstance(settings, Settings)
    if message is None:
        small = prune_filters(plain(), settings, resolution=PIXELS)
        assert "7 is not prunable" in small.whole["7"]
        return
    with pytest.raises(ConfigError, match=message):
        prune_filters(plain(), settings, resolution=PIXELS)


def test_at_random_the_same_seed_removes_the_same_filters() -> None:
    network = plain()
    chosen = [
        prune_filters(
            network,
            PruneSettings(keep=0.5, structure="filters", criterion="random", seed=seed),
            resolution=PIXELS,
        ).survivors
        for seed in (1, 1, 2)
    ]
    first, same, other = ([each[name].tolist() for name in each] for each in chosen)
    assert first == same
    assert first != other


def test_a_larger_share_than_is_left_is_refused() -> None:
    network = plain()
    groups = find_groups(network, resolution=PIXELS)
    before = select_groups(
        filter_scores(groups, network.state_dict()), groups.everything, lambda part: part.size // 2
    )
    assert remove_filters(network, groups, before, resolution=PIXELS).keep == before.keep
    settings = PruneSettings(keep=0.9, structure="filters")
    with pytest.raises(ConfigError, match="masks only shrink"):
        prune_filters(network, settings, groups=groups, before=before, resolution=PIXELS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"structure": "filters", "criterion": "os:getcwd"}, "which scores single weights, but"),
        ({"structure": "filters", "scope": "erk"}, "which goes by the shapes of kernels, but"),
        ({"structure": "2:4", "criterion": "synflow"}, "which removes weights in rounds, but"),
        ({"structure": "2:4", "scope": "layerwise"}, "keeps two of each four weights: leave"),
    ],
)
def test_settings_that_do_not_apply_to_a_structure_are_refused(
    settings: dict[str, object], message: str
) -> None:
    keep = {} if settings["structure"] == "2:4" else {"keep": 0.5}
    with pytest.raises(ConfigError, match=message):
        PruneSettings.validate_from(settings | keep, "prune")
