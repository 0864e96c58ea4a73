"""Are masks and labels counted pixel by pixel as the definitions say?"""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection import overlap
from prunescope.dissection.kept_maps import ActiveMaps
from prunescope.dissection.overlap import OverlapTally
from prunescope.dissection.regions import RegionReader

CATEGORIES = ("color", "part")


def tally_of(labels, thresholds, pictures, *, once=True, **rules):
    """Count pictures, each the maps of all units and an annotation."""
    tally = OverlapTally(torch.tensor(thresholds).double(), labels, CATEGORIES, **rules)
    add(tally, labels, thresholds, pictures, once=once)
    return tally


def add(tally, labels, thresholds, pictures, *, once=True):
    maps = torch.stack([torch.tensor(maps).float() for maps, _ in pictures])
    active = ActiveMaps.of(maps, maps.amax(dim=(2, 3)), torch.tensor(thresholds).double())
    reader = RegionReader(labels, once=once)
    regions = [reader.read(annotation, "an image") for _, annotation in pictures]
    assert sum(counts.image_count for counts in tally.add(active, regions)) == len(pictures)


def test_counts_of_a_tiny_world(labels, annotate):
    pictures = [
        ([[[9, 9, 0]], [[0, 0, 9]]], annotate([[3, 5, 0]], [[0, 9, 9]])),
        ([[[0, 9, 9]], [[0, 0, 0]]], annotate([[3, 3, 3]])),
    ]
    counts = tally_of(labels, [1.0, 1.0], pictures).overlap()
    assert counts.label_numbers.tolist() == [3, 5, 9]
    assert counts.intersection.tolist() == [[3, 1, 1], [0, 0, 1]]
    assert counts.truth.tolist() == [4, 1, 2]
    assert counts.activation.tolist() == [[4, 2], [1, 1]]
    assert counts.category_of.tolist() == [0, 0, 1]
    assert counts.dead.tolist() == [False, False]


def test_activation_follows_the_primary_category_of_the_labels_an_image_carries(labels, annotate):
    only_a_part = annotate([[0, 9]])
    counts = tally_of(labels, [0.0], [([[[1, 1]]], only_a_part)]).overlap()
    assert counts.activation.tolist() == [[0, 2]]


def test_a_zero_threshold_does_not_let_zeros_in(labels, annotate):
    counts = tally_of(labels, [0.0], [([[[0, 0]]], annotate([[3, 3]]))]).overlap()
    assert counts.activation.tolist() == [[0, 0]]
    assert counts.truth.tolist() == [2, 0, 0]
    assert counts.dead.tolist() == [True]


def test_a_whole_image_label_meets_the_whole_mask(labels, annotate):
    picture = ([[[1, 0, 1]]], annotate([[0, 0, 0]], whole=(9,)))
    counts = tally_of(labels, [0.5], [picture]).overlap()
    assert counts.intersection.tolist() == [[0, 0, 2]]
    assert counts.truth.tolist() == [0, 0, 3]


def test_label_maps_of_different_sizes_mix(labels):
    pictures = [
        ([[[1]]], Annotation(planes=np.full((1, size, size + 1), 3, np.int32), whole=()))
        for size in (2, 3, 5)
    ]
    counts = tally_of(labels, [0.0], pictures).overlap()
    assert counts.intersection[0, 0] == counts.truth[0] == 2 * 3 + 3 * 4 + 5 * 6


@pytest.mark.parametrize("room", [1, 30, 1 << 23])
@pytest.mark.parametrize("exact", [0, 1 << 24])
@pytest.mark.parametrize("once", [True, False])
def test_counts_are_those_of_every_pixel_alone_however_many_sums_fit(
    labels, annotate, monkeypatch, room, exact, once
):
    monkeypatch.setattr(overlap, "_SUMS_IN_A_CACHE", room)
    monkeypatch.setattr(overlap, "_EXACT_IN_FLOAT32", exact)
    source = np.random.default_rng(0)
    planes = [*source.choice([0, 3, 5, 9], (7, 2, 3, 4)), *source.choice([0, 9], (2, 2, 3, 4))]
    planes += [np.zeros((2, 3, 4))]  # no label, whatever the masks
    maps = source.choice([-1, 1, 1], (10, 2, 3, 4))
    maps[4] = -1  # labels, but no mask
    pictures = [(own, annotate(*both)) for own, both in zip(maps, planes, strict=True)]
    counts = tally_of(labels, [0.0, 0.0], pictures, once=once).overlap()
    intersection, activation, truth = np.zeros((2, 3)), np.zeros((2, 2)), np.zeros(3)
    for own, both in zip(maps, planes, strict=True):
        for place, number in enumerate([3, 5, 9]):
            times = (both == number).sum(axis=0)
            carried = np.minimum(times, 1) if once else times
            intersection[:, place] += ((own > 0) * carried).sum(axis=(1, 2))
            truth[place] += carried.sum()
        for place, numbers in enumerate([(3, 5), (9,)]):
            activation[:, place] += (own > 0).sum(axis=(1, 2)) * np.isin(both, numbers).any()
    assert np.array_equal(counts.intersection, intersection)
    assert np.array_equal(counts.activation, activation)
    assert np.array_equal(counts.truth, truth)


@pytest.mark.parametrize("side", [4097])
def test_more_pixels_than_float32_can_count_are_counted_exactly(side):
    label = Label(number=1, name="all", category="color")
    everywhere = Annotation(planes=np.zeros((0, side, side), np.int32), whole=(1,))
    counts = tally_of([label], [0.0], [([[[1]]], everywhere)]).overlap()
    assert counts.intersection.item() == side**2  # odd, and above 2**24


def test_many_units_on_a_large_label_map_are_counted_like_one(labels):
    # 10 units x 1024 x 1024 pixels are too many to mask at once.
    source = np.random.default_rng(0)
    maps = source.normal(size=(5, 3, 3)).repeat(2, axis=0)
    planes = source.choice([0, 3, 9], (1, 1024, 1024)).astype(np.int32)
    annotation = Annotation(planes=planes, whole=())
    together = tally_of(labels, [0.0] * 10, [(maps, annotation)]).overlap()
    alone = tally_of(labels, [0.0], [(maps[:1], annotation)]).overlap()
    assert np.array_equal(together.intersection[::2], together.intersection[1::2])
    assert np.array_equal(together.intersection[0], alone.intersection[0])
    assert np.array_equal(together.activation[0], alone.activation[0])


def test_an_autocast_around_it_costs_no_pixel(labels):
    everywhere = Annotation(planes=np.full((1, 13, 95), 3, np.int32), whole=())
    with torch.autocast("cpu", torch.bfloat16):
        counts = tally_of(labels, [0.0], [([[[1]]], everywhere)]).overlap()
    assert counts.intersection[0, 0] == 1235  # which a bfloat16 cannot hold


def test_an_image_may_count_for_a_category_only_where_a_label_of_it_is_inside_the_mask(
    labels, annotate
):
    picture = ([[[9, 9, 0, 0]]], annotate([[3, 0, 0, 9]]))
    assert tally_of(labels, [1.0], [picture]).overlap().activation.tolist() == [[2, 2]]
    inside = tally_of(labels, [1.0], [picture], inside=True).overlap()
    assert inside.activation.tolist() == [[2, 0]]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_batches_in_any_order_give_one_tally(labels_of_three, seed):
    source = np.random.default_rng(seed)
    pictures = [
        (
            source.integers(-1, 2, (2, 3, 3)),
            Annotation(planes=source.choice([0, 3, 5, 9], (2, 4, 5)).astype(np.int32), whole=()),
        )
        for _ in range(4)
    ]
    whole = tally_of(labels_of_three, [0.0, 0.5], pictures).overlap()
    random.Random(seed).shuffle(pictures)
    tally = OverlapTally(torch.tensor([0.0, 0.5]).double(), labels_of_three, CATEGORIES)
    for picture in pictures:
        add(tally, labels_of_three, [0.0, 0.5], [picture])
    parts = tally.overlap()
    assert np.array_equal(parts.intersection, whole.intersection)
    assert np.array_equal(parts.activation, whole.activation)
    assert np.array_equal(parts.truth, whole.truth)


@pytest.fixture(scope="module")
def labels_of_three() -> tuple[Label, ...]:
    return tuple(
        Label(number=number, name=str(number), category=category)
        for number, category in ((3, "color"), (5, "color"), (9, "part"))
    )
