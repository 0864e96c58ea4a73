"""Is every batch a pure function of seed, epoch and the images' own numbers?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prunescope.base.errors import ConfigError
from prunescope.data.labelled import LabelledImages
from prunescope.data.loader import (
    Draws,
    batches,
    cut_and_mirror,
    draw_augmentation,
    epoch_order,
)
from prunescope.data.settings import Augmentation
from prunescope.imaging.network_input import Normalisation

PLAIN = Normalisation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
BOTH = Augmentation(pad=2, flip=True)


def make_images(count: int = 10, height: int = 5, width: int = 4) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    shape = (count, height, width, 3)
    pixels = torch.randint(256, shape, generator=generator).to(torch.uint8)
    return LabelledImages(pixels=pixels, labels=torch.arange(count), classes=("a",) * count)


def joined(images: LabelledImages, **arguments) -> tuple[torch.Tensor, torch.Tensor]:
    pixels, labels = zip(*batches(images, normalisation=PLAIN, **arguments), strict=True)
    return torch.cat(pixels), torch.cat(labels)


def drawn(left: int, top: int, *, mirrored: bool = False) -> Draws:
    return Draws(
        left=torch.tensor([left]), top=torch.tensor([top]), mirrored=torch.tensor([mirrored])
    )


@given(count=st.integers(0, 50), seed=st.integers(0, 2**31), epoch=st.integers(0, 100))
def test_an_order_is_a_permutation_and_a_pure_function(count, seed, epoch):
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    assert torch.equal(order, epoch_order(count, seed, epoch))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(epoch_order(50, seed, epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4


def test_a_batch_holds_the_ordered_images_normalised_with_the_last_one_smaller():
    images = make_images()
    order = epoch_order(10, 3, 1)
    found = list(batches(images, batch_size=4, normalisation=PLAIN, order=order))
    assert [len(labels) for _, labels in found] == [4, 4, 2]
    pixels = torch.cat([pixels for pixels, _ in found])
    assert torch.equal(pixels, images.pixels[order].permute(0, 3, 1, 2) / 255)
    assert torch.equal(torch.cat([labels for _, labels in found]), order)
    assert pixels.dtype == torch.float32


def test_a_part_of_the_images_may_be_ordered():
    order = torch.tensor([7, 2, 7])
    assert joined(make_images(), batch_size=2, order=order)[1].tolist() == [7, 2, 7]


@settings(deadline=None)
@given(
    batch_size=st.integers(1, 12),
    first=st.integers(0, 12),
    seed=st.integers(0, 99),
    pad=st.integers(0, 3),
    flip=st.booleans(),
)
def test_a_start_inside_an_epoch_gives_the_whole_epochs_tail(batch_size, first, seed, pad, flip):
    images = make_images()
    arguments = {
        "batch_size": batch_size,
        "normalisation": PLAIN,
        "order": epoch_order(10, seed, 2),
        "augmentation": Augmentation(pad=pad, flip=flip),
        "seed": seed,
        "epoch": 2,
    }
    whole = list(batches(images, **arguments))
    tail = list(batches(images, first_batch=first, **arguments))
    assert len(tail) == max(0, len(whole) - first)
    for (pixels, labels), (other_pixels, other_labels) in zip(whole[first:], tail, strict=True):
        assert torch.equal(pixels, other_pixels)
        assert torch.equal(labels, other_labels)


@settings(deadline=None)
@given(batch_size=st.integers(1, 12), channels_last=st.booleans())
def test_neither_batch_size_nor_order_nor_memory_format_changes_an_image(batch_size, channels_last):
    images = make_images()
    arguments = {"augmentation": BOTH, "seed": 5, "epoch": 3}
    pixels, labels = joined(images, batch_size=10, order=torch.arange(10), **arguments)
    assert labels.tolist() == list(range(10))
    order = epoch_order(10, 1, 1)
    other, numbers = joined(
        images, batch_size=batch_size, order=order, channels_last=channels_last, **arguments
    )
    assert torch.equal(other, pixels[numbers])


def test_epochs_alter_the_images_anew_and_seeds_do_too():
    arguments = {"batch_size": 10, "order": torch.arange(10), "augmentation": BOTH}
    versions = [
        joined(make_images(), seed=seed, epoch=epoch, **arguments)[0]
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert not torch.equal(versions[0], versions[1])
    assert not torch.equal(versions[0], versions[2])


def test_batches_leave_the_images_as_they_were():
    images = make_images()
    before = images.pixels.clone()
    joined(images, batch_size=10, order=torch.arange(10), augmentation=Augmentation(flip=True))
    assert torch.equal(images.pixels, before)


def test_a_window_in_the_middle_is_the_image_itself():
    pixels = make_images(1).pixels
    assert torch.equal(cut_and_mirror(pixels, 2, drawn(2, 2)), pixels)


def test_a_window_in_the_corner_shows_the_black_border():
    pixels = make_images(1).pixels
    cut = cut_and_mirror(pixels, 1, drawn(0, 2))  # one column to the left, one row down
    assert torch.equal(cut[0, :-1, 1:], pixels[0, 1:, :-1])
    assert int(cut[0, -1].sum()) == int(cut[0, :, 0].sum()) == 0


def test_a_mirrored_image_swaps_left_and_right_of_its_window():
    pixels = make_images(1).pixels
    cut = cut_and_mirror(pixels, 1, drawn(0, 1))
    assert torch.equal(cut_and_mirror(pixels, 1, drawn(0, 1, mirrored=True)), cut.flip(2))


def test_cut_and_mirror_agrees_with_slicing_image_by_image():
    pixels, pad = make_images(50, 6, 7).pixels, 2
    draws = draw_augmentation(50, Augmentation(pad=pad, flip=True), 0, 0)
    altered = cut_and_mirror(pixels, pad, draws)
    for number in range(50):
        framed = torch.zeros(10, 11, 3, dtype=torch.uint8)
        framed[pad:-pad, pad:-pad] = pixels[number]
        top, left = int(draws.top[number]), int(draws.left[number])
        expected = framed[top : top + 6, left : left + 7]
        if draws.mirrored[number]:
            expected = expected.flip(1)
        assert torch.equal(altered[number], expected)


def test_draws_take_every_place_and_both_sides_about_equally_often():
    draws = draw_augmentation(9_000, Augmentation(pad=1, flip=True), 0, 0)
    for places in (draws.left, draws.top):
        counts = places.bincount()
        assert len(counts) == 3
        assert counts.min() > 2_800
    assert 4_300 < int(draws.mirrored.sum()) < 4_700
    assert not torch.equal(draws.left, draws.top)


@pytest.mark.parametrize("channels_last", [True, False])
def test_batches_have_the_memory_format_that_was_asked_for(channels_last):
    arguments = {"batch_size": 10, "normalisation": PLAIN, "order": torch.arange(10)}
    pixels, _ = next(batches(make_images(), channels_last=channels_last, **arguments))
    assert pixels.shape == (10, 3, 5, 4)
    wanted = torch.channels_last if channels_last else torch.contiguous_format
    assert pixels.is_contiguous(memory_format=wanted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"first_batch": -1},
        {"order": torch.tensor([10])},
        {"order": torch.tensor([-1])},
        {"augmentation": Augmentation(pad=4)},
    ],
)
def test_wrong_arguments_are_refused_before_the_first_batch_is_asked_for(wrong):
    arguments = {"batch_size": 2, "normalisation": PLAIN, "order": torch.arange(10), **wrong}
    with pytest.raises(ConfigError):
        batches(make_images(), **arguments)


def test_a_negative_pad_is_refused():
    with pytest.raises(ValidationError, match="pad"):
        Augmentation(pad=-1)
