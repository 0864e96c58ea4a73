"""Are a part of the images and the wrong labels those that were asked for, and always the same?"""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunescope.base.errors import ConfigError
from prunescope.data.images import ForTraining, load_images
from prunescope.data.subset import balanced_subset, noisy_labels

labelled = st.lists(st.integers(0, 3), min_size=8, max_size=60).map(
    lambda labels: np.array([0, 1, 2, 3, *labels])
)
shares = st.floats(0, 1)


def noisy(labels, share, classes=4):
    rows = np.arange(len(labels))
    return noisy_labels(labels, rows=rows, count=len(labels), classes=classes, share=share)


@settings(max_examples=30)
@given(labels=labelled, data=st.data())
def test_a_subset_is_balanced_as_far_as_the_images_go(labels, data):
    limit = data.draw(st.integers(4, len(labels)))
    chosen = balanced_subset(labels, limit, "train")
    assert len(set(chosen.tolist())) == limit
    assert chosen.tolist() == sorted(chosen.tolist())
    there, used = Counter(labels.tolist()), Counter(labels[chosen].tolist())
    most = max(used.values())
    for label, count in there.items():
        assert used[label] in (count, most, most - 1)
        assert used[label] == count or used[label] >= most - 1


@settings(max_examples=30)
@given(labels=labelled, data=st.data())
def test_a_smaller_subset_lies_within_a_larger_one(labels, data):
    small, large = sorted(data.draw(st.lists(st.integers(4, len(labels)), min_size=2, max_size=2)))
    chosen = [set(balanced_subset(labels, limit, "train").tolist()) for limit in (small, large)]
    assert chosen[0] <= chosen[1]


def test_a_subset_is_not_merely_the_first_images_of_each_class():
    labels = np.repeat(np.arange(4), 50)
    chosen = balanced_subset(labels, 40, "train")
    assert Counter(labels[chosen].tolist()) == dict.fromkeys(range(4), 10)
    assert (chosen % 50 >= 10).any()


@pytest.mark.parametrize(
    ("limit", "said"),
    [(9, "data.limit is 9, but train has 8 images"), (3, "has images of 4 classes")],
)
def test_a_subset_that_cannot_be_had_is_refused(limit, said):
    with pytest.raises(ConfigError, match=said):
        balanced_subset(np.arange(8) % 4, limit, "train")


@settings(max_examples=30)
@given(labels=labelled, share=shares)
def test_exactly_the_asked_share_of_labels_is_wrong(labels, share):
    changed = noisy(labels, share)
    assert (changed != labels).sum() == round(share * len(labels))
    assert ((changed >= 0) & (changed < 4)).all()


@settings(max_examples=30)
@given(labels=labelled, low=shares, high=shares)
def test_a_smaller_share_is_wrong_within_a_larger_one(labels, low, high):
    low, high = sorted((low, high))
    few, many = noisy(labels, low), noisy(labels, high)
    wrong = few != labels
    assert (many[wrong] == few[wrong]).all()


def test_each_other_class_is_equally_likely():
    labels = np.full(30_000, 2)
    counts = np.bincount(noisy(labels, 1.0, classes=5), minlength=5)
    assert counts[2] == 0
    assert counts[[0, 1, 3, 4]] == pytest.approx(7500, rel=0.05)


def test_which_images_are_wrong_does_not_hang_together_with_their_class():
    labels = np.repeat(np.arange(4), 2500)
    wrong = noisy(labels, 0.4) != labels
    assert np.bincount(labels[wrong], minlength=4) == pytest.approx(1000, rel=0.1)


def test_a_row_is_wrong_in_the_same_way_wherever_others_are_left_out():
    labels = np.arange(100) % 4
    whole = noisy(labels, 1.0)
    rows = np.arange(0, 100, 3)
    part = noisy_labels(labels[rows], rows=rows, count=100, classes=4, share=1.0)
    assert (part == whole[rows]).all()


def test_a_single_class_has_no_wrong_labels():
    with pytest.raises(ConfigError, match="one class"):
        noisy(np.zeros(5, np.int64), 0.2, classes=1)


@pytest.fixture
def set_of_twelve(tmp_path, encode, write_parquet):
    pictures = np.random.default_rng(0).integers(0, 256, (12, 4, 5, 3), dtype=np.uint8)
    encoded = [encode(picture) for picture in pictures]
    for split in ("train", "test"):
        write_parquet(tmp_path / f"{split}.parquet", encoded, [n % 3 for n in range(12)])
    return tmp_path, torch.from_numpy(pictures)


@pytest.mark.parametrize("memory", [1 << 20, 100], ids=["in memory", "streamed"])
def test_images_stay_with_their_labels(set_of_twelve, memory):
    folder, pictures = set_of_twelve
    chosen = balanced_subset(np.arange(12) % 3, 6, "train")
    images = load_images(
        str(folder), "train", training=ForTraining(limit=6, label_noise=0.5), memory=memory
    )
    assert len(images) == 6
    assert (images.labels != torch.from_numpy(chosen % 3)).sum() == 3
    for number, row in enumerate(chosen):
        assert np.array_equal(images.sized(number), pictures[row].numpy())


def test_without_them_all_is_as_it_is_stored(set_of_twelve):
    folder, pictures = set_of_twelve
    images = load_images(str(folder), "train", training=ForTraining())
    assert torch.equal(images.pixels, pictures)
    assert images.labels.tolist() == [n % 3 for n in range(12)]
