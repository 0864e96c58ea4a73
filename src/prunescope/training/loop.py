"""How is a network trained from one step to another, reproducibly?"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from prunescope.base.errors import ConfigError, TrainingDiverged
from prunescope.base.files import fingerprint
from prunescope.base.modes import device_of, in_mode, repeatable, seed_generators
from prunescope.base.progress import SILENT, Progress, Task
from prunescope.base.seeding import derive_seed
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.base.text import counted
from prunescope.data.labelled import Images, StreamedImages
from prunescope.data.loader import batches, epoch_order
from prunescope.imaging.network_input import Normalisation
from prunescope.training.checkpoint import is_finite, load_checkpoint, save_checkpoint
from prunescope.training.forward import class_scores, classes_needed
from prunescope.training.history import History
from prunescope.training.optimiser import learning_rate_at, sgd
from prunescope.training.settings import TrainingSettings


def train(
    network: nn.Module,
    images: Images,
    *,
    settings: TrainingSettings,
    normalisation: Normalisation,
    seed: int,
    start: Step,
    end: Step,
    after_step: Callable[[Optimizer], None] | None = None,
    test: Callable[[nn.Module], float] | None = None,
    checkpoint: Path | None = None,
    identity: str = "",
    checkpoint_minutes: float = 2.0,
    advice: str = "Lower the learning rate",
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Train a network in place from `start` to `end`; return its history (see History.table).

    Images, their augmentation and the network's own randomness at a step depend on `seed` and the
    step only. Momentum is fresh at `start`, which may lie inside an epoch. The network keeps its
    device and mode, and the caller's random state is untouched.

    after_step: called with the optimizer after every step, before the first, and after a
        checkpoint was read; a mask is enforced here, on weights and momentum.
    test: gives the accuracy on test images, which is asked for every `settings.evaluate_every`
        and at the end. It changes nothing of the training.
    checkpoint: a file written at each epoch's end and at least every `checkpoint_minutes`. If it
        exists, training resumes from it, and ends with the bits of one never interrupted.
    identity: what else, besides these arguments, the checkpoint must belong to: the network's
        weights at `start`, its mask, the images.
    advice: what to do where it diverges, as the error says.
    Raises TrainingDiverged if the loss or a weight is no longer finite; ConfigError if the steps
    do not fit the settings and images; DataError if labels do not fit the network.
    """
    _check_steps(images, settings, start, end)
    device = device_of(network)
    with (
        in_mode(network, training=True, channels_last=settings.channels_last),
        repeatable(device),
    ):
        run = _Run(
            network=network,
            images=images,
            classes=classes_needed(images),
            settings=settings,
            normalisation=normalisation,
            seed=seed,
            optimizer=sgd(network, settings, start),
            after_step=after_step or _nothing,
            test=test,
            advice=advice,
            checkpoint=checkpoint,
            identity=_identity(network, settings, normalisation, seed, (start, end), identity),
            checkpoint_minutes=checkpoint_minutes,
            now=start,
        )
        run.resume(progress)
        run.after_step(run.optimizer)
        before, done, total = map(run.images_before, (start, run.now, end))
        if isinstance(images, StreamedImages) and run.now < end:
            images.stored.prepare(progress)
        with progress.task("training", total - before, done=done - before) as task:
            while run.now < end:
                run.finish_row(end, task)
        run.optimizer.zero_grad()
    return run.history.table()


@dataclass(kw_only=True)
class _Run:
    """A training in progress: the steps before `now` are done, the losses in `unread` not read."""

    network: nn.Module
    images: Images
    classes: int
    settings: TrainingSettings
    normalisation: Normalisation
    seed: int
    optimizer: Optimizer
    after_step: Callable[[Optimizer], None]
    test: Callable[[nn.Module], float] | None
    advice: str
    checkpoint: Path | None
    identity: str
    checkpoint_minutes: float
    now: Step
    history: History = field(default_factory=History)
    unread: list[tuple[Step, int, Tensor, Tensor]] = field(default_factory=list)
    saved: Step | None = None
    saved_at: float = field(default_factory=time.monotonic)

    def resume(self, progress: Progress) -> None:
        """Continue from the checkpoint, if there is one."""
        if self.checkpoint is None:
            return
        resumed = load_checkpoint(
            self.checkpoint,
            self.network,
            self.optimizer,
            identity=self.identity,
            progress=progress,
        )
        if resumed is not None:
            self.now, self.history = resumed
            self.saved = self.now

    def images_before(self, step: Step) -> int:
        """Return how many images are shown from step 0 until a step."""
        return step.epoch * len(self.images) + step.batch * self.settings.batch_size

    def finish_row(self, end: Step, task: Task) -> None:
        """Train to the end of the present epoch, to the next test, or to `end` before it."""
        next_epoch = Step((self.now.epoch + 1) * self.now.per_epoch, self.now.per_epoch)
        next_test = self._next_test()
        last = min(step for step in (end, next_epoch, next_test) if step is not None)
        for pixels, labels in islice(self._batches(), last.iteration - self.now.iteration):
            self._take_step(pixels, labels)
            if len(self.unread) >= _steps_between_readings(pixels.device):
                self._read_losses(task)
            if self.now < last and self._is_due():
                self._read_losses(task)
                self._save()
        self._read_losses(task)
        taken, tested = self._last_taken(), None
        if self.test is not None and last in (end, next_test):
            tested = self.test(self.network)
        self.history.close_row(taken, learning_rate_at(taken, self.settings), tested)
        self._save()

    def _next_test(self) -> Step | None:
        """Return the first step after now at which accuracy is measured."""
        stated = self.settings.evaluate_every
        if self.test is None or stated == "end":
            return None
        every = Step.parse(stated, self.now.per_epoch).iteration
        return Step((self.now.iteration // every + 1) * every, self.now.per_epoch)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the rest of the present epoch, on the network's device."""
        device = device_of(self.network)
        for pixels, labels in batches(
            self.images,
            batch_size=self.settings.batch_size,
            normalisation=self.normalisation,
            order=epoch_order(len(self.images), self.seed, self.now.epoch),
            augmentation=self.settings.augmentation,
            seed=self.seed,
            epoch=self.now.epoch,
            first_batch=self.now.batch,
            channels_last=self.settings.channels_last,
        ):
            yield pixels.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def _take_step(
        self, pixels: Float[Tensor, "image channel height width"], labels: Int64[Tensor, " image"]
    ) -> None:
        seed_generators(pixels.device, derive_seed(self.seed, "step", self.now.iteration))
        scores = class_scores(
            self.network, pixels, precision=self.settings.precision, classes=self.classes
        )
        loss = cross_entropy(scores, labels, label_smoothing=self.settings.label_smoothing)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.now, self.settings)
        self.optimizer.step()
        self.after_step(self.optimizer)
        right = (scores.detach().argmax(1) == labels).sum()
        self.unread.append((self.now, len(labels), loss.detach(), right))
        self.now = Step(self.now.iteration + 1, self.now.per_epoch)

    def _read_losses(self, task: Task) -> None:
        """Read the losses of the steps since the last reading. Raises TrainingDiverged."""
        if not self.unread:
            return
        steps, sizes, losses, rights = zip(*self.unread, strict=True)
        read = torch.stack(losses).tolist(), torch.stack(rights).tolist()
        self.unread = []
        for step, size, loss, right in zip(steps, sizes, *read, strict=True):
            if not math.isfinite(loss):
                raise self._diverged(f"the loss is {loss}", step)
            self.history.add(images=size, loss=loss, right=right)
        rate = self.optimizer.param_groups[0]["lr"]
        task.advance(sum(sizes), f"loss {read[0][-1]:.3f}, learning rate {rate:.3g}")

    def _is_due(self) -> bool:
        waited = time.monotonic() - self.saved_at
        return self.checkpoint is not None and waited >= 60 * self.checkpoint_minutes

    def _save(self) -> None:
        """Write a checkpoint, if one is asked for. Raises TrainingDiverged."""
        if not is_finite(self.network, self.optimizer):
            broken = "a weight, its momentum or a running statistic is no longer finite"
            raise self._diverged(broken, self._last_taken())
        if self.checkpoint is None:
            return
        save_checkpoint(
            self.checkpoint,
            self.network,
            self.optimizer,
            step=self.now,
            history=self.history,
            identity=self.identity,
        )
        self.saved, self.saved_at = self.now, time.monotonic()

    def _last_taken(self) -> Step:
        return Step(self.now.iteration - 1, self.now.per_epoch)

    def _diverged(self, what: str, step: Step) -> TrainingDiverged:
        rate = learning_rate_at(step, self.settings)
        kept = (
            "no checkpoint was kept"
            if self.saved is None
            else f"the last good checkpoint, at step {self.saved}, is {self.checkpoint}"
        )
        return TrainingDiverged(
            f"{what} at step {step} with learning rate {rate:.6g}; {kept}. {self.advice}"
        )


def _steps_between_readings(device: torch.device) -> int:
    return 1 if device.type == "cpu" else 50  # to read a loss, an accelerator has to wait


def _identity(
    network: nn.Module,
    settings: TrainingSettings,
    normalisation: Normalisation,
    seed: int,
    span: tuple[Step, Step],
    identity: str,
) -> str:
    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    return fingerprint(
        {
            "identity": identity,
            "settings": settings.for_key(),
            "normalisation": {"mean": normalisation.mean, "std": normalisation.std},
            "seed": seed,
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


def _nothing(_optimizer: Optimizer) -> None:
    pass
