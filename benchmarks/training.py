"""What does exactness cost in training: the mask at every step, and the loop around the step?"""

import json
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from prunescope.base.provenance import environment
from prunescope.base.steps import Step
from prunescope.data.images import LabelledImages
from prunescope.data.loader import Normalisation, batches, epoch_order
from prunescope.networks import build
from prunescope.pruning.magnitude import prune_by_magnitude
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prunable import prunable_names
from prunescope.training.loop import train
from prunescope.training.settings import TrainingSettings

PAIRS = 5
STEPS = 8
BATCH = 64
NETWORK = "torchvision:resnet18"
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
    """Print one JSON object: a masked step and our loop, as ratios to the same without."""
    images = LabelledImages(
        pixels=torch.randint(256, (BATCH * STEPS, 64, 64, 3), dtype=torch.uint8),
        labels=torch.randint(200, (BATCH * STEPS,)),
        classes=tuple(map(str, range(200))),
    )
    masked, bare, loop = (
        lambda: ours(images, masked=True),
        lambda: plain(images),
        lambda: ours(images, masked=False),
    )
    figures = {
        "masked_step_ratio": ratio_of(masked, loop),
        "loop_throughput_ratio": ratio_of(bare, loop),
        "network": NETWORK,
        "pairs": PAIRS,
        "steps": STEPS,
        "batch_size": BATCH,
        "precision": SETTINGS.precision,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": environment()}))


def ratio_of(first: Callable[[], float], second: Callable[[], float]) -> dict[str, float]:
    """Return the ratio of two timings over pairs in alternating order, after a warm-up."""
    first(), second()
    ratios = []
    for pair in range(PAIRS):
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


def ours(images: LabelledImages, *, masked: bool) -> float:
    """Return the seconds our loop takes for all steps; masked to a fifth of the weights or not."""
    network = build(NETWORK, num_classes=200, seed=0)
    keeper = MaskKeeper(network, sparse_mask(network)) if masked else None
    started = time.perf_counter()
    train(
        network,
        images,
        settings=SETTINGS,
        normalisation=NORMALISATION,
        seed=0,
        start=Step(0, STEPS),
        end=Step(STEPS, STEPS),
        after_step=keeper,
    )
    return time.perf_counter() - started


def sparse_mask(network: nn.Module) -> Mask:
    """Return the mask that keeps a fifth of the weights."""
    ones = Mask.ones(network, prunable_names(network, "all"))
    return prune_by_magnitude(network.state_dict(), ones, 0.8)


def plain(images: LabelledImages) -> float:
    """Return the seconds a loop of a few lines takes for the same batches."""
    network = build(NETWORK, num_classes=200, seed=0).train()
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


if __name__ == "__main__":
    main()
