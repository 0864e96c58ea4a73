"""How is a network trained from one step to another, reproducibly?"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from torch import nn
from torch.optim import Optimizer

from prunescope.base.allocator import keep_freed_memory
from prunescope.base.compiling import compiled_training
from prunescope.base.errors import ConfigError
from prunescope.base.files import fingerprint
from prunescope.base.modes import device_of, in_mode, repeatable
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.base.text import counted
from prunescope.data.labelled import Images, StreamedImages
from prunescope.data.loader import moved
from prunescope.imaging.network_input import Normalisation
from prunescope.training.forward import classes_needed
from prunescope.training.hooks import Hooks
from prunescope.training.optimiser import optimizer_of
from prunescope.training.recalibration import recalibrate
from prunescope.training.settings import TrainingSettings
from prunescope.training.sharing import check_processes
from prunescope.training.tracking import Row
from prunescope.training.trainer import Trainer


def train(
    network: nn.Module,
    images: Images,
    *,
    settings: TrainingSettings,
    normalisation: Normalisation,
    seeds: Seeds,
    start: Step,
    end: Step,
    at_start: Callable[[Optimizer], None] | None = None,
    before_step: Callable[[], None] | None = None,
    after_step: Callable[[Optimizer], None] | None = None,
    test: Callable[[nn.Module], float] | None = None,
    keep: Callable[[nn.Module, Step], None] | None = None,
    log: Callable[[Row], None] | None = None,
    checkpoint: Path | None = None,
    identity: str = "",
    checkpoint_minutes: float = 2.0,
    advice: str = "Lower the learning rate",
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Train a network in place from `start` to `end`; return its history (see History.table).

    Images, their augmentation and the network's own randomness at a step depend on `seeds` and the
    step only. Momentum is fresh at `start`, which may lie inside an epoch. The network keeps its
    device and mode, and the caller's random state is untouched. At the end it has the moving
    average of its weights, where `settings.ema` asks for it, and after that recalibrated
    statistics, where `settings.recalibrate` does.

    at_start: called once with the optimizer, before the first step that is taken and after a
        checkpoint was read; a mask is enforced here, on weights and what is remembered of them.
    before_step: called when the gradients are there, before they are clipped and the step is
        taken; those of pruned weights are cleared here. A weight of 0 whose momentum is 0 stays
        0 then, with weight decay, too, under either optimizer.
    after_step: called with the optimizer after `at_start` and after every step.
    test: gives the accuracy on test images, which is asked for every `settings.evaluate_every`
        and at the end. It changes nothing of the training.
    keep: takes the network and the step every `settings.keep_checkpoints`, but at the end. A
        training that resumes may hand over a step again, with the same weights.
    log: takes every row of the history when it is finished; after a resumption all rows before.
    checkpoint: a file written at each epoch's end, at least every `checkpoint_minutes`, and when
        the process is told to stop (`base/stopping.py`). If it exists, training resumes from it,
        and ends with the bits of one never interrupted.
    identity: what else, besides these arguments, the checkpoint must belong to: the network's
        weights at `start`, its mask, the images.
    advice: what to do where it diverges, as the error says.
    ranks: the processes that train together, each of which calls this with a network of the same
        form and the same settings, images and seeds; the weights at `start`, or the checkpoint,
        are those of the first. Every one ends with the same weights. The others give no
        `checkpoint`, but a `keep` and a `test` where the first does (docs/training.md).
    Raises TrainingDiverged if the loss or a weight is no longer finite; ConfigError if the steps
    do not fit the settings and images; DataError if labels do not fit the network.
    """
    _check_steps(images, settings, start, end)
    check_processes(ranks.count, settings, len(images))
    keep_freed_memory()
    device = device_of(network)
    with (
        in_mode(network, training=True, channels_last=settings.channels_last),
        repeatable(device),
        compiled_training(network) if settings.compile else nullcontext(network) as shown,
    ):
        trainer = Trainer(
            network=network,
            shown=shown,
            images=moved(images, device, settings.augmentation),
            classes=classes_needed(images),
            settings=settings,
            normalisation=normalisation,
            seeds=seeds,
            optimizer=optimizer_of(network, settings, start),
            hooks=Hooks(
                at_start=at_start,
                before_step=before_step,
                after_step=after_step,
                test=test,
                keep=keep,
                log=log,
            ),
            advice=advice,
            checkpoint=checkpoint,
            identity=_identity(network, settings, normalisation, seeds, (start, end), identity),
            checkpoint_minutes=checkpoint_minutes,
            now=start,
            ranks=ranks,
        )
        trainer.begin(progress)
        _go_on(trainer, start, end, progress)
        trainer.settle()
    if settings.recalibrate is not None:
        recalibrate(
            network,
            images,
            batches=settings.recalibrate,
            batch_size=settings.batch_size,
            normalisation=normalisation,
            augmentation=settings.augmentation,
            seeds=seeds,
            precision=settings.precision,
            channels_last=settings.channels_last,
            ranks=ranks,
            progress=progress,
        )
    return trainer.history.table()


def _go_on(trainer: Trainer, start: Step, end: Step, progress: Progress) -> None:
    """Take the steps that are left."""
    before, done, total = map(trainer.images_before, (start, trainer.now, end))
    if isinstance(trainer.images, StreamedImages) and trainer.now < end:
        trainer.images.stored.prepare(progress)
    with progress.task("training", total - before, done=done - before) as task:
        while not trainer.is_finished(end):
            trainer.finish_row(end, task)


def _identity(
    network: nn.Module,
    settings: TrainingSettings,
    normalisation: Normalisation,
    seeds: Seeds,
    span: tuple[Step, Step],
    identity: str,
) -> str:
    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    return fingerprint(
        {
            "identity": identity,
            "settings": settings.for_key(),
            "normalisation": {"mean": normalisation.mean, "std": normalisation.std},
            "seeds": [seeds.order, seeds.augmentation],
            "steps": [asdict(step) for step in span],
            "shapes": shapes,
        }
    )


def _check_steps(images: Images, settings: TrainingSettings, start: Step, end: Step) -> None:
    per_epoch = steps_per_epoch(len(images), settings.batch_size)
    for name, step in (("start", start), ("end", end)):
        if step.per_epoch != per_epoch:
            raise ConfigError(
                f"{name} counts {step.per_epoch} steps an epoch, but "
                f"{counted(len(images), 'image')} "
                f"in batches of {settings.batch_size} make {per_epoch}"
            )
    to = Step.parse(settings.to, per_epoch)
    if not start <= end <= to:
        raise ConfigError(f"training from {start} to {end} is not within 0it to training.to = {to}")
