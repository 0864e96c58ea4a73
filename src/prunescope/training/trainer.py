"""How does a training take its steps, and where does it stop to be measured and saved?"""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from prunescope.base.errors import TrainingDiverged
from prunescope.base.modes import device_of, seed_generators
from prunescope.base.progress import Progress, Task
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.base.stopping import Stopped, interruptible, stop_if_told, uninterrupted
from prunescope.data.labelled import Images
from prunescope.data.loader import batches, epoch_order
from prunescope.imaging.network_input import Normalisation
from prunescope.training.averaging import MovingAverage
from prunescope.training.checkpoint import is_finite, load_checkpoint, save_checkpoint
from prunescope.training.forward import class_scores
from prunescope.training.history import History
from prunescope.training.hooks import Hooks
from prunescope.training.mixing import Mixture, draw_mixture, label_shown, loss_of, mixed
from prunescope.training.optimiser import learning_rate_at
from prunescope.training.settings import TrainingSettings
from prunescope.training.sharing import BatchShare, from_first, sum_gradients
from prunescope.training.tracking import Row


@dataclass(kw_only=True)
class Trainer:
    """A training in progress: the steps before `now` are done, the losses in `unread` not read.

    ranks: the processes that train together. All take the same turns, so that what one of them
    waits for, the others send: when losses are read, and weights are checked, kept and saved.
    shown: what takes the batches: the network, or what torch has compiled of it.
    """

    network: nn.Module
    shown: nn.Module
    images: Images
    classes: int
    settings: TrainingSettings
    normalisation: Normalisation
    seeds: Seeds
    optimizer: Optimizer
    hooks: Hooks
    advice: str
    checkpoint: Path | None
    identity: str
    checkpoint_minutes: float
    now: Step
    ranks: Ranks = ALONE
    average: MovingAverage | None = None
    history: History = field(default_factory=History)
    unread: list[tuple[Step, int, Tensor, Tensor]] = field(default_factory=list)
    saved: Step | None = None
    saved_at: float = field(default_factory=time.monotonic)

    def begin(self, progress: Progress) -> None:
        """Continue from the checkpoint, if there is one; else from the weights that are there."""
        self.average = self._new_average()
        resumed = from_first(
            self.ranks, self.network, self.optimizer, self.average, self._resumed(progress)
        )
        if resumed is not None:
            self.now, self.history = resumed
            self.saved = self.now
            self._log(*self.history.rows)
        for enforce in (self.hooks.at_start, self.hooks.after_step):
            if enforce is not None:
                enforce(self.optimizer)
        if resumed is None:  # the average begins with what is enforced
            self.average = self._new_average()

    def settle(self) -> None:
        """Leave the network with the weights that count, and without gradients."""
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.settle()

    def images_before(self, step: Step) -> int:
        """Return how many images are shown from step 0 until a step."""
        return step.epoch * len(self.images) + step.batch * self.settings.batch_size

    def is_finished(self, end: Step) -> bool:
        """Return whether every step until `end` is taken, and the row of the last one closed."""
        return not (self.now < end or self.history.is_open)

    def finish_row(self, end: Step, task: Task) -> None:
        """Train to the end of the present epoch, to the next test, or to `end` before it.

        Told to stop, write a checkpoint after the present step.
        """
        with uninterrupted():
            try:
                self._take_steps(end, task)
                self._close_row(end)
            except Stopped:
                self._read_losses(task)
                self._save()
                raise

    def _take_steps(self, end: Step, task: Task) -> None:
        last = self._end_of_row(end)
        for pixels, labels in islice(self._batches(), last.iteration - self.now.iteration):
            share = self._share()
            with share.normalising():
                self._take_step(pixels, labels, share)
            if len(self.unread) >= _steps_between_readings(pixels.device):
                self._read_losses(task)
            if self._is_kept(end):
                self._read_losses(task)
                self._keep()
            if self.now < last and not self.unread and self._is_due():
                self._save()
            stop_if_told()
        self._read_losses(task)

    def _close_row(self, end: Step) -> None:
        """Measure accuracy where it is due, add the row to the history, and save."""
        taken, tested = self._last_taken(), None
        if self.hooks.test is not None and self.now in (end, self._next_test(taken)):
            with self._weights_that_count(), interruptible():
                tested = self.hooks.test(self.network)
        self.history.close_row(taken, learning_rate_at(taken, self.settings), tested)
        self._log(self.history.rows[-1])
        self._save()

    def _end_of_row(self, end: Step) -> Step:
        """Return the step at which the row ends that is open, or the next one.

        That is now where a training was stopped before it could close the row.
        """
        inside = self._last_taken() if self.history.is_open else self.now
        next_epoch = Step((inside.epoch + 1) * inside.per_epoch, inside.per_epoch)
        return min(step for step in (end, next_epoch, self._next_test(inside)) if step is not None)

    def _resumed(self, progress: Progress) -> tuple[Step, History] | None:
        if self.checkpoint is None:
            return None
        return load_checkpoint(
            self.checkpoint,
            self.network,
            self.optimizer,
            identity=self.identity,
            progress=progress,
            average=self.average,
        )

    def _new_average(self) -> MovingAverage | None:
        decay = self.settings.ema
        return None if decay is None else MovingAverage(self.network, decay)

    def _next_test(self, step: Step) -> Step | None:
        """Return the first step after another at which accuracy is measured."""
        stated = self.settings.evaluate_every
        if self.hooks.test is None or stated == "end":
            return None
        every = Step.parse(stated, step.per_epoch).iteration
        return Step((step.iteration // every + 1) * every, step.per_epoch)

    def _is_kept(self, end: Step) -> bool:
        """Return whether the weights of this step are kept, beside the last ones."""
        kept = self.settings.kept_between(Step(0, end.per_epoch), end)
        return self.hooks.keep is not None and self.now.iteration in kept

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the rest of the present epoch, on the network's device."""
        return batches(
            self.images,
            batch_size=self.settings.batch_size,
            normalisation=self.normalisation,
            order=epoch_order(len(self.images), self.seeds.order, self.now.epoch),
            augmentation=self.settings.augmentation,
            seed=self.seeds.augmentation,
            epoch=self.now.epoch,
            first_batch=self.now.batch,
            part=None if self.ranks.count == 1 else self._part,
            channels_last=self.settings.channels_last,
            device=device_of(self.network),
        )

    def _share(self) -> BatchShare:
        """Return what of the next batch is this process's."""
        left = len(self.images) - self.now.batch * self.settings.batch_size
        return BatchShare(ranks=self.ranks, images=min(left, self.settings.batch_size))

    def _part(self, batch: int, images: int) -> Int64[Tensor, " place"]:
        """Return the places of what this process needs of a batch of the present epoch."""
        step = Step(self.now.iteration - self.now.batch + batch, self.now.per_epoch)
        mixture = self._mixture((images, *self.images.size), step)
        return BatchShare(ranks=self.ranks, images=images).places(mixture)

    def _mixture(self, shape: tuple[int, int, int], step: Step) -> Mixture | None:
        mixup, cutmix = self.settings.mixup, self.settings.cutmix
        return draw_mixture(
            shape, mixup=mixup, cutmix=cutmix, seed=self.seeds.augmentation, step=step
        )

    def _take_step(
        self,
        pixels: Float[Tensor, "image channel height width"],
        labels: Int64[Tensor, " image"],
        share: BatchShare,
    ) -> None:
        settings = self.settings
        height, width = pixels.shape[2:]
        mixture = self._mixture((share.images, height, width), self.now)
        (pixels, partners), (labels, others) = share.split(pixels), share.split(labels)
        if mixture is not None:
            pixels = mixed(pixels, mixture, partners)
        seed_generators(pixels.device, share.seed(self.seeds.augmentation, self.now))
        scores = class_scores(
            self.shown, pixels, precision=settings.precision, classes=self.classes
        )
        loss = loss_of(scores, labels, settings.label_smoothing, mixture, others)
        loss = share.weighed(loss)
        self._follow(loss)
        right = (scores.detach().argmax(1) == label_shown(labels, mixture, others)).sum()
        self.unread.append((self.now, share.images, *share.totals(loss.detach(), right)))
        self.now = Step(self.now.iteration + 1, self.now.per_epoch)

    def _follow(self, loss: Float[Tensor, ""]) -> None:
        """Take the step down the gradient of a loss, and what belongs to a step."""
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        sum_gradients(self.network.parameters(), self.ranks)
        if self.hooks.before_step is not None:
            self.hooks.before_step()
        if self.settings.clip_norm is not None:
            clip_grad_norm_(self.network.parameters(), self.settings.clip_norm, foreach=True)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.now, self.settings)
        self.optimizer.step()
        if self.hooks.after_step is not None:
            self.hooks.after_step(self.optimizer)
        if self.average is not None:
            self.average.update()

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

    def _log(self, *rows: Row) -> None:
        if self.hooks.log is not None:
            for row in rows:
                self.hooks.log(row)

    def _weights_that_count(self) -> AbstractContextManager[None]:
        return nullcontext() if self.average is None else self.average.shown()

    def _keep(self) -> None:
        assert self.hooks.keep is not None  # else no step is kept
        self._check_finite()
        with self._weights_that_count():
            self.hooks.keep(self.network, self.now)

    def _is_due(self) -> bool:
        """Return whether a checkpoint is due; the processes check their weights when it is."""
        waited = time.monotonic() - self.saved_at
        due = self.checkpoint is not None and waited >= 60 * self.checkpoint_minutes
        return due if self.ranks.count == 1 else self.ranks.first(due)

    def _check_finite(self) -> None:
        """Raise TrainingDiverged where a number that would be saved is none."""
        if not is_finite(self.network, self.optimizer, self.average):
            broken = "a weight, its momentum or a running statistic is no longer finite"
            raise self._diverged(broken, self._last_taken())

    def _save(self) -> None:
        """Write a checkpoint, if one is asked for. Raises TrainingDiverged."""
        self._check_finite()
        if self.checkpoint is None:
            return
        save_checkpoint(
            self.checkpoint,
            self.network,
            self.optimizer,
            step=self.now,
            history=self.history,
            identity=self.identity,
            average=self.average,
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
