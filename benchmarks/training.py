"""What does training cost beside a bare loop: masks, loading, altering and logging?"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from prunescope.base.allocator import keep_freed_memory
from prunescope.base.devices import default_device
from prunescope.base.images import Precision
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

NORMALISATION = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
CROPPED = 256  # images of a timing of crops
EPOCH = 50_000  # images of CIFAR-10


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network and the images it is trained on.

    steps: of a timing, unless told otherwise.
    """

    network: str
    side: int
    classes: int
    batch_size: int
    steps: int
    augmentation: Augmentation | None = None


CASES = {
    "resnet18": Case(network="torchvision:resnet18", side=64, classes=200, batch_size=64, steps=20),
    "resnet20": Case(
        network="cifar_resnet20",
        side=32,
        classes=10,
        batch_size=128,
        steps=20,
        augmentation=Augmentation(pad=4, flip=True),
    ),
    "resnet50": Case(
        network="torchvision:resnet50", side=224, classes=1000, batch_size=256, steps=20
    ),
}


@dataclass(frozen=True, kw_only=True)
class Race:
    """What the runners of a timing have in common."""

    case: Case
    images: LabelledImages
    precision: Precision
    channels_last: bool
    device: torch.device

    @property
    def steps(self) -> int:
        return len(self.images) // self.case.batch_size

    def fresh_network(self) -> nn.Module:
        """Return the network with its first weights, on the device."""
        return build(self.case.network, num_classes=self.case.classes, seed=0).to(self.device)

    def finished(self) -> float:
        """Return the time once the device has done all that it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def main() -> None:
    """Print one JSON object: ratios of timings that take turns, and what a loop does a second.

    masked_step: seconds of our loop, every step of which keeps to a mask, over seconds without; 1
    at best.
    loop_throughput: images a second of our loop, which loads, pads, cuts, mirrors, normalises and
    logs, over those of a loop of a few lines on batches that lie ready in memory; 1 at best. Our
    side holds all that it does once a training, too, spread over few steps here.
    crop_throughput: random-resized crops with flips a second, ready for the network, over those of
    torchvision's transforms applied to one image after the other.
    table: steps a second of both loops in every precision, memory format and number of threads.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--case", choices=CASES, action="append", help="by default resnet18 and resnet20"
    )
    parser.add_argument(
        "--figure",
        choices=("masked_step", "loop_throughput", "crop_throughput", "table"),
        action="append",
        help="by default all but the table",
    )
    parser.add_argument("--pairs", type=int, default=15, help="of timings, for each ratio")
    parser.add_argument("--steps", type=int, help="of a timing")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="bf16")
    parser.add_argument("--contiguous", action="store_true", help="leave out channels last")
    given = parser.parse_args()
    conditions = environment()
    cases = given.case or ("resnet18", "resnet20")
    figures = {name: figures_of(CASES[name], given) for name in cases}
    stated = {
        "precision": given.precision,
        "channels_last": not given.contiguous,
        "pairs": given.pairs,
        "threads": torch.get_num_threads(),
        "device": default_device(),
    }
    print(json.dumps(figures | stated | {"conditions": conditions}))


def figures_of(case: Case, given: argparse.Namespace) -> dict[str, object]:
    """Return the figures that were asked for, of one network."""
    steps = given.steps or case.steps
    race = Race(
        case=case,
        images=random_images(steps * case.batch_size, case),
        precision=given.precision,
        channels_last=not given.contiguous,
        device=torch.device(default_device()),
    )
    asked = given.figure or ("masked_step", "loop_throughput", "crop_throughput")
    figures: dict[str, object] = {"network": case.network, "side": case.side, "steps": steps}
    if "table" in asked:
        figures["table"] = table_of(race)
    if "masked_step" in asked:
        figures["masked_step"] = compared(
            lambda: ours(race, masked=True), lambda: ours(race, masked=False), given.pairs
        )[0]
    if "loop_throughput" in asked:
        ratio, seconds_bare, seconds_ours = compared(
            lambda: bare(race), lambda: ours(race, masked=False), given.pairs
        )
        images = len(race.images)
        figures["loop_throughput"] = ratio | {
            "bare_images_a_second": round(images / seconds_bare, 1),
            "our_images_a_second": round(images / seconds_ours, 1),
            "bare_steps_a_second": round(steps / seconds_bare, 2),
            "our_steps_a_second": round(steps / seconds_ours, 2),
            f"our_seconds_for_{EPOCH}_images": round(EPOCH * seconds_ours / images, 2),
        }
    if "crop_throughput" in asked:
        few = race.images.beginning(CROPPED)
        figures["crop_throughput"] = compared(
            lambda: crop_with_torchvision(few), lambda: crop(few), given.pairs
        )[0]
    return figures


def random_images(count: int, case: Case) -> LabelledImages:
    """Return so many images of noise, the same every time."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, case.side, case.side, 3)
    return LabelledImages(
        pixels=torch.randint(256, shape, dtype=torch.uint8, generator=generator),
        labels=torch.randint(case.classes, (count,), generator=generator),
        classes=tuple(map(str, range(case.classes))),
    )


def compared(
    first: Callable[[], float], second: Callable[[], float], pairs: int
) -> tuple[dict[str, float], float, float]:
    """Return the ratio of two timings over pairs in alternating order, after a warm-up, and the
    median of each."""
    first(), second()
    timed = []
    for pair in range(pairs):
        if pair % 2:
            below, above = second(), first()
        else:
            above, below = first(), second()
        timed.append((above, below))
    ratios = [above / below for above, below in timed]
    ratio = {
        "median": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
    }
    return ratio, *(statistics.median(column) for column in zip(*timed, strict=True))


def ours(race: Race, *, masked: bool) -> float:
    """Return the seconds our loop takes for all steps; masked to a fifth of the weights or not."""
    network = race.fresh_network()
    keeper = MaskKeeper(network, sparse_mask(network)) if masked else None
    started = race.finished()
    train(
        network,
        race.images,
        settings=TrainingSettings(
            to="1ep",
            batch_size=race.case.batch_size,
            learning_rate=0.01,
            weight_decay=5e-4,
            precision=race.precision,
            channels_last=race.channels_last,
            augmentation=race.case.augmentation,
        ),
        normalisation=NORMALISATION,
        seeds=Seeds.equal(0),
        start=Step(0, race.steps),
        end=Step(race.steps, race.steps),
        before_step=None if keeper is None else keeper.clear_gradients,
    )
    return race.finished() - started


def sparse_mask(network: nn.Module) -> Mask:
    """Return the mask that keeps a fifth of the weights."""
    ones = Mask.ones(network, prunable_names(network, "all"))
    return select(scores(network, ones), ones, [(ones, round(0.2 * ones.size))])


def bare(race: Race) -> float:
    """Return the seconds of forward, backward and SGD's step alone, on batches in memory."""
    network = race.fresh_network().train()
    if race.channels_last:
        network.to(memory_format=torch.channels_last)
    optimizer = SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, foreach=True)
    ready = list(
        batches(
            race.images,
            batch_size=race.case.batch_size,
            normalisation=NORMALISATION,
            order=epoch_order(len(race.images), 0, 0),
            channels_last=race.channels_last,
            device=race.device,
        )
    )
    in_bf16 = race.precision == "bf16"
    started = race.finished()
    for pixels, labels in ready:
        with torch.autocast(race.device.type, torch.bfloat16, enabled=in_bf16):
            class_scores = network(pixels)
        optimizer.zero_grad()
        loss = F.cross_entropy(class_scores.float(), labels)
        torch.autograd.backward(loss)
        optimizer.step()
    return race.finished() - started


def table_of(race: Race) -> list[dict[str, object]]:
    """Return steps a second in every setting, the median of three timings after a warm-up.

    On the CPU the bare loop is timed with the C library's own allocator first, as malloc's
    thresholds, which our loop raises, cannot be put back.
    """
    on_cpu = race.device.type == "cpu"
    threads = sorted({1, torch.get_num_threads()}) if on_cpu else [torch.get_num_threads()]
    precisions: tuple[Precision, ...] = ("float32", "bf16")
    settings = list(itertools.product(threads, precisions, (False, True)))
    before = [timed_with(bare, race, *setting) for setting in settings]
    keep_freed_memory()
    rows: list[dict[str, object]] = []
    for setting, plain in zip(settings, before, strict=True):
        count, precision, channels_last = setting
        rows.append(
            {
                "threads": count,
                "precision": precision,
                "channels_last": channels_last,
                "bare": plain,
                "bare, memory kept": timed_with(bare, race, *setting),
                "ours": timed_with(lambda race: ours(race, masked=True), race, *setting),
            }
        )
    return rows


def timed_with(
    loop: Callable[[Race], float],
    race: Race,
    threads: int,
    precision: Precision,
    channels_last: bool,
) -> float:
    """Return the steps a second of a loop in a setting."""
    torch.set_num_threads(threads)
    there = Race(
        case=race.case,
        images=race.images,
        precision=precision,
        channels_last=channels_last,
        device=race.device,
    )
    loop(there)
    return round(race.steps / statistics.median(loop(there) for _ in range(3)), 2)


def crop(images: LabelledImages) -> float:
    """Return the seconds our loader takes to crop, flip and normalise every image once."""
    started = time.perf_counter()
    shown = batches(
        images,
        batch_size=64,
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
    for first in range(0, len(order), 64):
        torch.stack([transform(images.original(number)) for number in order[first:][:64]])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
