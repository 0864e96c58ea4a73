"""Trainings in float64 that one process, or several together, go through.

Run as a script it is one of several processes and does all that its test looks at.
"""

import sys
from itertools import count
from pathlib import Path

import torch
from torch import nn

from prunescope.base.ranks import ALONE, joined
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.data.images import LabelledImages
from prunescope.data.settings import Augmentation
from prunescope.imaging.network_input import Normalisation
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.training.evaluate import evaluate
from prunescope.training.loop import train
from prunescope.training.settings import TrainingSettings

ALL = {
    "mixup": 0.4,
    "cutmix": 1.0,
    "label_smoothing": 0.1,
    "clip_norm": 0.5,
    "ema": 0.9,
    "recalibrate": 2,
    "warmup": "1ep",
    "schedule": "cosine",
}
OPTIMIZERS = {
    "sgd": {"nesterov": True},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1},
}
KEPT = torch.arange(24).view(6, 4, 1, 1) % 3 > 0
NORMALISATION = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
STEPS, MIDDLE = 10, 4
FEW = 17
"""Images of which the last batch is one."""


class Killed(Exception):
    pass


class InFloat64(nn.Module):
    def forward(self, pixels):
        return pixels.double()


def images(number=19):
    """Noise; in batches of 8, the last batch of an epoch is not for two to share alike."""
    generator = torch.Generator().manual_seed(3)
    return LabelledImages(
        pixels=torch.randint(0, 256, (number, 8, 8, 3), generator=generator, dtype=torch.uint8),
        labels=torch.arange(number) % 3,
        classes=("house", "car", "tree"),
    )


def network(seed=1, *, dropout=0.0, of_vectors=True):
    """No bias comes before normalisation: its gradient would be rounding alone, scaled by AdamW."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(
            InFloat64(),
            nn.Conv2d(3, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 6, 1, bias=False),
            nn.BatchNorm2d(6, momentum=None),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 5, bias=not of_vectors),
            nn.BatchNorm1d(5, track_running_stats=False) if of_vectors else nn.Identity(),
            nn.Linear(5, 3),
        ).double()


def trained(
    ranks=ALONE,
    *,
    optimizer="sgd",
    net=None,
    shown=None,
    checkpoint=None,
    killed_at=None,
    **changes,
):
    """Train under a mask; return the network, its history, and whether it was killed."""
    net, shown = net or network(), shown or images()
    keeper, calls = MaskKeeper(net, Mask({"4.weight": KEPT})), count()

    def after_step(optimizer):
        keeper(optimizer)
        if next(calls) == killed_at:
            raise Killed

    settings = TrainingSettings(
        **{
            **{"to": "10it", "batch_size": 8, "learning_rate": 0.1, "weight_decay": 1e-3},
            **{"augmentation": Augmentation(pad=1, flip=True)},
            **(ALL | OPTIMIZERS[optimizer] | changes),
        }
    )
    per_epoch = steps_per_epoch(len(shown), settings.batch_size)

    def test(net):
        return evaluated(net, ranks).top1

    try:
        history = train(
            net, shown, settings=settings, normalisation=NORMALISATION,
            seeds=Seeds(init=1, order=2, augmentation=3), start=Step(0, per_epoch),
            end=Step(STEPS, per_epoch), after_step=after_step,
            before_step=keeper.clear_gradients, test=test,
            checkpoint=checkpoint if ranks.rank == 0 else None, checkpoint_minutes=0.0,
            ranks=ranks,
        )  # fmt: skip
    except Killed:
        return None
    return net.state_dict(), history


def evaluated(net, ranks=ALONE):
    return evaluate(net, images(23), normalisation=NORMALISATION, batch_size=5, ranks=ranks)


def main(folder: Path) -> None:
    """Do everything once with all processes, and save what comes of it in this one."""
    with joined() as ranks:
        found = {name: trained(ranks, optimizer=name) for name in OPTIMIZERS}
        found["few"] = trained(ranks, shown=images(FEW), net=network(of_vectors=False))
        found["other start"] = trained(ranks, net=network(seed=1 + ranks.rank))
        found["from one"] = trained(ranks, checkpoint=folder / "of-one.safetensors")
        checkpoint = folder / "of-two.safetensors"
        trained(ranks, checkpoint=checkpoint, killed_at=MIDDLE)
        if ranks.rank == 0:
            (folder / "to-go-on.safetensors").write_bytes(checkpoint.read_bytes())
        found["same number"] = trained(ranks, checkpoint=checkpoint)
        net, masks = network(dropout=0.5), []

        def note(layer, _, output):
            if layer.training:
                masks.append(output[0] == 0)

        net[7].register_forward_hook(note)
        found["dropout"] = trained(ranks, net=net, ema=None)
        found["masks"] = masks
        found["evaluation"] = evaluated(network(), ranks)
    torch.save(found, folder / f"rank-{ranks.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
