"""Is a random-resized crop torchvision's in law, and a pure function of the image's number?"""

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torchvision.transforms import RandomResizedCrop as Theirs
from torchvision.transforms import functional

from prunescope.base.errors import ConfigError
from prunescope.data.augmentation import draw_augmentation
from prunescope.data.cropping import draw_crops
from prunescope.data.labelled import LabelledImages
from prunescope.data.loader import batches, epoch_order
from prunescope.data.settings import Augmentation, RandomResizedCrop
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.sizing import Sizing
from prunescope.training.settings import TrainingSettings

PLAIN = Normalisation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
CROP = Augmentation(random_resized_crop=RandomResizedCrop(), flip=True)


def make_images(count=12, height=20, width=26, resolution=None):
    generator = torch.Generator().manual_seed(0)
    shape = (count, height, width, 3)
    return LabelledImages(
        pixels=torch.randint(256, shape, generator=generator, dtype=torch.uint8),
        labels=torch.arange(count),
        classes=("a",) * count,
        sizing=Sizing(resolution=resolution),
    )


def joined(images, **arguments):
    pixels, labels = zip(*batches(images, normalisation=PLAIN, **arguments), strict=True)
    return torch.cat(pixels), torch.cat(labels)


@pytest.mark.parametrize(("resolution", "size"), [(16, (16, 16)), (None, (20, 26)), (40, (40, 40))])
def test_every_image_is_torchvisions_resized_crop_of_its_box_then_mirrored(resolution, size):
    images = make_images(resolution=resolution)
    pixels, _ = joined(
        images, batch_size=5, order=torch.arange(12), augmentation=CROP, seed=3, epoch=2
    )
    draws = draw_augmentation(12, CROP, 3, 2)
    assert 0 < int(draws.mirrored.sum()) < 12
    for number in range(12):
        left, top, width, height = draws.crops.box(number, 26, 20)
        expected = functional.resized_crop(
            Image.fromarray(images.pixels[number].numpy()), top, left, height, width, list(size)
        )
        if draws.mirrored[number]:
            expected = functional.hflip(expected)
        assert torch.equal(pixels[number], functional.pil_to_tensor(expected) / 255)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_neither_batch_size_nor_order_nor_resume_changes_a_crop(batch_size):
    images = make_images()
    given = {"augmentation": CROP, "seed": 5, "epoch": 3}
    whole, _ = joined(images, batch_size=12, order=torch.arange(12), **given)
    order = epoch_order(12, 1, 1)
    other, numbers = joined(images, batch_size=batch_size, order=order, **given)
    assert torch.equal(other, whole[numbers])
    tail = list(
        batches(images, batch_size=5, normalisation=PLAIN, order=order, first_batch=1, **given)
    )
    assert torch.equal(torch.cat([pixels for pixels, _ in tail]), whole[order[5:]])


def test_epochs_and_seeds_crop_anew():
    boxes = [
        [draw_crops(9, RandomResizedCrop(), *when).box(number, 50, 40) for number in range(9)]
        for when in [(0, 0), (0, 1), (1, 0)]
    ]
    assert boxes[0] != boxes[1]
    assert boxes[0] != boxes[2]


@pytest.mark.parametrize(
    ("width", "height", "area", "aspect"),
    [
        (60, 40, (0.08, 1.0), (3 / 4, 4 / 3)),
        (40, 60, (0.5, 0.9), (0.5, 2.0)),
        (200, 20, (0.9, 1.0), (3 / 4, 4 / 3)),  # no try fits: the middle
        (20, 200, (0.9, 1.0), (3 / 4, 4 / 3)),
        (30, 30, (1.0, 1.0), (1.0, 1.0)),
    ],
)
def test_boxes_have_the_law_of_torchvisions(width, height, area, aspect):
    """Means of left, top, width and height of 2,000 boxes, within 4.5 standard errors."""
    draws = draw_crops(2_000, RandomResizedCrop(area=area, aspect=aspect), 0, 0)
    ours = np.array([draws.box(number, width, height) for number in range(2_000)], dtype=float)
    assert (ours[:, :2] >= 0).all()
    assert (ours[:, 0] + ours[:, 2] <= width).all()
    assert (ours[:, 1] + ours[:, 3] <= height).all()
    image = torch.empty(3, height, width)
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        drawn = [Theirs.get_params(image, list(area), list(aspect)) for _ in range(2_000)]
    theirs = np.array([(left, top, w, h) for top, left, h, w in drawn], dtype=float)
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 2_000)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) <= 4.5 * error).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"area": (0.5, 0.2)}, "area runs from 0.5 to 0.2"),
        ({"area": (0.5, 1.2)}, "at most 1"),
        ({"area": (0.0, 1.0)}, "greater than 0"),
        ({"aspect": (2.0, 0.5)}, "aspect runs from 2.0"),
    ],
)
def test_ranges_that_are_none_are_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        RandomResizedCrop(**given)


def test_a_pad_and_a_crop_together_are_refused():
    with pytest.raises(ValidationError, match="choose one"):
        Augmentation(pad=1, random_resized_crop=RandomResizedCrop())


def test_a_mistyped_setting_of_a_crop_is_named_with_the_nearest():
    training = {"to": "1ep", "batch_size": 2, "learning_rate": 0.1, "weight_decay": 0}
    augmentation = {"random_resized_crop": {"areas": [0.1, 1]}}
    with pytest.raises(ConfigError, match=r'crop\.areas is not a setting .did you mean "area"'):
        TrainingSettings.validate_from(training | {"augmentation": augmentation}, "recipe")
