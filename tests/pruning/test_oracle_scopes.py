"""Do as many weights of each tensor survive, and the same ones, as the written method says?"""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import scopes as oracle
from prunescope.pruning import two_four
from prunescope.pruning.criteria import same, shuffled
from prunescope.pruning.mask import Mask
from prunescope.pruning.schedules import densities as schedule
from prunescope.pruning.scopes import erk, global_, layerwise
from prunescope.pruning.selection import groups, select
from prunescope.pruning.strategy import StrategySettings

SHAPES = {
    "conv1.weight": (8, 3, 3, 3),
    "conv2.weight": (16, 8, 3, 3),
    "shortcut.weight": (16, 8, 1, 1),
    "head.weight": (10, 16),
}
SMALL = [(1, 1), (2, 3), (4, 1, 1, 1), (2, 2, 1, 2), (3, 4)]
lengths = st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple)
shapes = st.lists(lengths, min_size=1, max_size=5).map(
    lambda all_: {f"layer{9 - number}.weight": shape for number, shape in enumerate(all_)}
)
few_values = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 3.0])
written_densities = st.integers(0, 1000).map(lambda thousandth: f"{thousandth / 1000:g}")


def ones(shapes):
    return Mask({name: torch.ones(shape, dtype=torch.bool) for name, shape in shapes.items()})


def size_of(shapes):
    return sum(math.prod(shape) for shape in shapes.values())


def as_lists(tensors):
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()}


def counts_of(shares):
    return {name: count for (name,), count in shares}


@st.composite
def worlds(draw):
    """Return up to three small tensors of few scores, so that many are equal, and a mask."""
    drawn = draw(st.lists(st.sampled_from(SMALL), min_size=1, max_size=3))
    scores, mask = {}, {}
    for number, shape in enumerate(drawn):
        name = f"layer{9 - number}.weight"
        size = math.prod(shape)
        flat = draw(st.lists(few_values, min_size=size, max_size=size))
        kept = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        scores[name] = torch.tensor(flat, dtype=torch.float64).view(shape)
        mask[name] = torch.tensor(kept).view(shape)
    return scores, Mask(mask)


@given(worlds(), st.data())
def test_together_the_highest_survive_and_of_equal_ones_the_first(world, data):
    scores, mask = world
    count = data.draw(st.integers(0, mask.survivors))
    kept = select(scores, mask, groups(mask, "global", lambda _: count))
    assert as_lists(kept) == oracle.keep_highest(as_lists(scores), as_lists(mask), count)
    assert list(kept) == list(mask)


@given(worlds(), st.data())
def test_by_itself_each_tensor_keeps_its_highest(world, data):
    scores, mask = world
    counts = {name: data.draw(st.integers(0, int(kept.sum()))) for name, kept in mask.items()}
    kept = select(scores, mask, groups(mask, "layerwise", lambda part: counts[next(iter(part))]))
    assert as_lists(kept) == oracle.keep_highest_each(as_lists(scores), as_lists(mask), counts)


@pytest.mark.parametrize("scope", ["global", "layerwise", "erk"])
@given(world=worlds(), steps=st.lists(st.fractions(0, 1, max_denominator=9), max_size=3))
@settings(max_examples=50)
def test_in_every_scope_masks_only_shrink_and_survivors_outrank_the_removed(scope, world, steps):
    scores, mask = world
    levels = [mask]
    for share in steps:
        left = lambda part, share=share: int(share * part.survivors)  # noqa: E731
        levels.append(select(scores, levels[-1], groups(levels[-1], scope, left)))
    assert oracle.only_shrinks([as_lists(level) for level in levels])
    for before, after in itertools.pairwise(levels):
        rivals = [list(mask)] if scope == "global" else [[name] for name in mask]
        for names in rivals:
            survivors = torch.cat([scores[name][after[name]] for name in names])
            gone = torch.cat([scores[name][before[name] & ~after[name]] for name in names])
            assert not len(survivors) or not len(gone) or survivors.min() >= gone.max()


@given(shapes, written_densities)
def test_erk_shares_out_a_total_as_the_method_says_and_meets_it_exactly(shapes, density):
    total = oracle.share(size_of(shapes), density)
    counts = counts_of(erk.groups(ones(shapes), lambda _: total))
    assert list(counts) == list(shapes)
    assert sum(counts.values()) == total
    for name, exact in oracle.erk_densities(shapes, total).items():
        size = math.prod(shapes[name])
        assert abs(counts[name] - exact * size) < 1, name  # rounded down or up
        assert counts[name] <= size


@given(worlds(), st.data())
def test_erk_leaves_no_more_of_a_tensor_than_there_is_and_meets_the_total(world, data):
    _, mask = world
    total = data.draw(st.integers(0, mask.survivors))
    counts = counts_of(erk.groups(mask, lambda _: total))
    assert sum(counts.values()) == total
    assert all(0 <= counts[name] <= int(kept.sum()) for name, kept in mask.items())


@pytest.mark.parametrize("falling", [["0.9", "0.5", "0.2", "0.1"], ["0.37", "0.0713"]])
def test_erk_level_by_level_keeps_what_it_keeps_at_once(falling):
    scores = {name: torch.rand(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
    level = ones(SHAPES)
    for density in falling:
        total = oracle.share(size_of(SHAPES), density)
        left = lambda _, total=total: total  # noqa: E731
        at_once = select(scores, ones(SHAPES), groups(ones(SHAPES), "erk", left))
        level = select(scores, level, groups(level, "erk", left))
        assert as_lists(level) == as_lists(at_once)


def test_erk_of_a_small_network_counted_by_hand():
    # The axes' lengths add up to 17, 30, 26 and 26, the weights are 216, 1152, 128 and 160. Of 331
    # survivors, 331 / 99 for each unit of length are 56.8, 100.3, 86.9 and 86.9: none is above
    # its size, and three that are missing go to the largest fractions.
    counts = counts_of(erk.groups(ones(SHAPES), lambda _: 331))
    assert list(counts.values()) == [57, 100, 87, 87]
    # Of 828, the last two would keep 217.5: they are dense, and 540 / 47 are left for the others.
    counts = counts_of(erk.groups(ones(SHAPES), lambda _: 828))
    assert list(counts.values()) == [195, 345, 128, 160]


def test_global_is_one_group_and_layerwise_a_group_a_tensor():
    mask = ones(SHAPES)
    left = lambda part: oracle.share(part.size, "0.2")  # noqa: E731
    assert [(list(names), count) for names, count in global_.groups(mask, left)] == [
        (list(SHAPES), 331)
    ]
    assert counts_of(layerwise.groups(mask, left)) == dict(
        zip(SHAPES, (43, 230, 26, 32), strict=True)
    )


@given(st.integers(1, 10**9), st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True))
def test_a_level_keeps_exactly_its_density_half_to_even(size, thousandths):
    written = [f"{number / 1000:g}" for number in sorted(thousandths, reverse=True)]
    strategy = StrategySettings(densities=[float(density) for density in written])
    before = size
    for level, density in enumerate(written, 1):
        before = schedule.survivors(before, size, level, strategy)
        assert before == oracle.share(size, density)


@pytest.mark.parametrize(
    ("size", "density", "left"),
    [
        (10, "0.25", 2),
        (14, "0.25", 4),
        (1, "0.5", 0),
        (3, "0.5", 2),
        (15, "0.9", 14),
        (7, "0.1", 1),
    ],
)
def test_half_a_weight_goes_to_the_even_number(size, density, left):
    strategy = StrategySettings(densities=[float(density)])
    assert schedule.survivors(size, size, 1, strategy) == left == oracle.share(size, density)


@pytest.fixture
def falling():
    """Return three masks, each of which holds the next; two tensors are alike in all of them."""
    generator = torch.Generator().manual_seed(0)
    rank = {name: torch.rand(shape, generator=generator) for name, shape in SHAPES.items()}
    rank["twin.weight"] = rank["conv1.weight"]
    return [Mask({n: r < keep for n, r in rank.items()}) for keep in (0.9, 0.5, 0.2)]


def dense_of(mask):
    return Mask({name: torch.ones_like(kept) for name, kept in mask.items()})


def test_a_shuffled_mask_stays_within_what_level_0_has(falling):
    """Of weights that were pruned before the study none comes back, and each tensor has as many."""
    start, *levels = falling
    permuted = [shuffled.derive(mask, start, 3) for mask in levels]
    assert oracle.only_shrinks(as_lists(each) for each in (start, *permuted))
    for mask, shuffle in zip(levels, permuted, strict=True):
        for name in mask:
            assert int(shuffle[name].sum()) == int(mask[name].sum())
        assert as_lists(shuffle) != as_lists(mask)


def test_a_shuffled_mask_permutes_each_tensor_and_all_its_levels_alike(falling):
    levels = [as_lists(mask) for mask in falling]
    permuted = [as_lists(shuffled.derive(mask, dense_of(mask), 3)) for mask in falling]
    assert oracle.only_shrinks(permuted)
    for name in levels[0]:
        assert oracle.lives(permuted, name) == oracle.lives(levels, name)
        assert [level[name] for level in permuted] != [level[name] for level in levels]


def test_each_tensor_and_each_seed_has_a_permutation_of_its_own(falling):
    first, again, other = (
        as_lists(shuffled.derive(falling[1], dense_of(falling[1]), seed)) for seed in (3, 3, 4)
    )
    assert first == again
    assert all(first[name] != other[name] for name in first)
    assert first["twin.weight"] != first["conv1.weight"]


def test_the_masks_of_another_strategy_are_taken_as_they_are(falling):
    assert [as_lists(same.derive(mask, dense_of(mask), 3)) for mask in falling] == [
        as_lists(mask) for mask in falling
    ]


@st.composite
def layers(draw):
    """Return a layer's weights of few magnitudes, and which survive."""
    fours = draw(st.integers(1, 2))
    shape = (draw(st.integers(1, 3)), 4 * fours, *draw(st.sampled_from([(), (1, 1), (2, 3)])))
    size = math.prod(shape)
    flat = draw(st.lists(few_values, min_size=size, max_size=size))
    alive = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return torch.tensor(flat).view(shape), torch.tensor(alive).view(shape)


def by_fours(tensor):
    """Return one list of the input channels for each output channel and place in the kernel."""
    return [
        tensor[out, :, *place].tolist()
        for out in range(len(tensor))
        for place in itertools.product(*map(range, tensor.shape[2:]))
    ]


@given(layers())
def test_of_each_four_the_two_largest_stay_and_of_equal_ones_the_first(layer):
    weight, _ = layer
    mask = Mask({"w": torch.ones(weight.shape, dtype=torch.bool)})
    kept = two_four.select({"w": weight.abs()}, mask, {"w": 1})
    assert by_fours(kept["w"]) == oracle.two_of_four(by_fours(weight))


@given(layers())
def test_two_of_each_four_are_left_where_there_are_two_and_the_count_is_known(layer):
    weight, alive = layer
    mask = Mask({"w": alive, "odd": torch.ones(2, 6, dtype=torch.bool)})
    kept = two_four.select({"w": weight.abs(), "odd": torch.rand(2, 6)}, mask, {"w": 1})
    assert bool(kept["odd"].all())
    assert not bool((kept["w"] & ~alive).any())
    for before, after in zip(by_fours(alive), by_fours(kept["w"]), strict=True):
        for start in range(0, len(before), 4):
            four = slice(start, start + 4)
            assert sum(after[four]) == min(2, sum(before[four]))
    assert bool(kept["odd"].all())
