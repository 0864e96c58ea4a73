"""What does exactness cost in training: the mask at every step, and the loop around the step?"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.data.labelled import LabelledImages
from prunescope.data.loader import batches, epoch_order
from prunescope.data.settings import Augmentation, RandomResizedCrop
from prunescope.imaging.network_input import Normalisation
from prunescope.networks.registry import build
from prunescope.pruning.criteria.magnitude import scores
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.selection import select
from prunescope.results.provenance import environment
from prunescope.training.loop import train
from prunescope.training.settings import TrainingSettings

BATCH = 64
CLASSES = 200
NORMALISATION = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
SETTINGS = TrainingSettings(
    to="1ep",
    batch_size=BATCH,
    learning_rate=0.01,
    weight_decay=5e-4,
    precision="bf16",
    channels_last=True,
)


def main() -> None:
    """Print one JSON object: a masked step and our loop, as ratios to the same without.

    masked_step_ratio: seconds of our loop with a mask over seconds without, 1 at best.
    loop_throughput_ratio: images a second of our loop over those of a loop of a few lines, 1 at
    best. Our side holds all that it does once a training, too, spread over few steps here.
    crop_throughput_ratio: random-resized crops with flips a second, ready for the network, over
    those of torchvision's transforms applied to one image after the other.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="of timings, for each ratio")
    parser.add_argument("--steps", type=int, default=8, help="of a timing")
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--side", type=int, default=64, help="of the images, in pixels")
    given = parser.parse_args()
    conditions = environment()
    images = random_images(given.steps * BATCH, given.side)
    masked, bare, loop = (
        lambda: ours(given.network, images, masked=True),
        lambda: plain(given.network, images),
        lambda: ours(given.network, images, masked=False),
    )
    figures = {
        "masked_step_ratio": ratio_of(masked, loop, given.pairs),
        "loop_throughput_ratio": ratio_of(bare, loop, given.pairs),
        "crop_throughput_ratio": ratio_of(
            lambda: crop_with_torchvision(images), lambda: crop(images), given.pairs
        ),
        "network": given.network,
        "side": given.side,
        "pairs": given.pairs,
        "steps": given.steps,
        "batch_size": BATCH,
        "precision": SETTINGS.precision,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def random_images(count: int, side: int) -> LabelledImages:
    """Return so many images of noise, the same every time."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, side, side, 3)
    return LabelledImages(
        pixels=torch.randint(256, shape, dtype=torch.uint8, generator=generator),
        labels=torch.randint(CLASSES, (count,), generator=generator),
        classes=tuple(map(str, range(CLASSES))),
    )


def ratio_of(
    first: Callable[[], float], second: Callable[[], float], pairs: int
) -> dict[str, float]:
    """Return the ratio of two timings over pairs in alternating order, after a warm-up."""
    first(), second()
    ratios = []
    for pair in range(pairs):
        if pair % 2:
            below, above = second(), first()
        else:
            above, below = first(), second()
        ratios.append(above / below)
    return {
        "median": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
    }


def ours(name: str, images: LabelledImages, *, masked: bool) -> float:
    """Return the seconds our loop takes for all steps; masked to a fifth of the weights or not."""
    network = build(name, num_classes=CLASSES, seed=0)
    steps = len(images) // BATCH
    keeper = MaskKeeper(network, sparse_mask(network)) if masked else None
    started = time.perf_counter()
    train(
        network,
        images,
        settings=SETTINGS,
        normalisation=NORMALISATION,
        seeds=Seeds.equal(0),
        start=Step(0, steps),
        end=Step(steps, steps),
        after_step=keeper,
    )
    return time.perf_counter() - started


def sparse_mask(network: nn.Module) -> Mask:
    """Return the mask that keeps a fifth of the weights."""
    ones = Mask.ones(network, prunable_names(network, "all"))
    return select(scores(network, ones), ones, [(ones, round(0.2 * ones.size))])


def plain(name: str, images: LabelledImages) -> float:
    """Return the seconds a loop of a few lines takes for the same batches."""
    network = build(name, num_classes=CLASSES, seed=0).train()
    network.to(memory_format=torch.channels_last)
    optimizer = SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, foreach=True)
    shown = batches(
        images,
        batch_size=BATCH,
        normalisation=NORMALISATION,
        order=epoch_order(len(images), 0, 0),
        channels_last=True,
    )
    started = time.perf_counter()
    for pixels, labels in shown:
        with torch.autocast("cpu", torch.bfloat16):
            scores = network(pixels)
        optimizer.zero_grad()
        loss = F.cross_entropy(scores.float(), labels)
        torch.autograd.backward(loss)
        optimizer.step()
    return time.perf_counter() - started


def crop(images: LabelledImages) -> float:
    """Return the seconds our loader takes to crop, flip and normalise every image once."""
    started = time.perf_counter()
    shown = batches(
        images,
        batch_size=BATCH,
        normalisation=NORMALISATION,
        order=epoch_order(len(images), 0, 0),
        augmentation=Augmentation(random_resized_crop=RandomResizedCrop(), flip=True),
    )
    for _ in shown:
        pass
    return time.perf_counter() - started


def crop_with_torchvision(images: LabelledImages) -> float:
    """Return the seconds torchvision's transforms take for the same."""
    from torchvision import transforms

    transform = transforms.Compose(
        [
            transforms.RandomResizedCrop(images.pixels.shape[1]),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(NORMALISATION.mean, NORMALISATION.std),
        ]
    )
    started = time.perf_counter()
    order = epoch_order(len(images), 0, 0).tolist()
    for first in range(0, len(order), BATCH):
        torch.stack([transform(images.original(number)) for number in order[first:][:BATCH]])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
