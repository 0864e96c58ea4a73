"""How are the statistics of batch normalisation estimated anew?"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from prunescope.base.errors import ConfigError
from prunescope.base.images import Precision
from prunescope.base.modes import device_of, in_mode, repeatable
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.seeding import Seeds
from prunescope.data.labelled import Images
from prunescope.data.loader import batches as batches_of
from prunescope.data.loader import epoch_order
from prunescope.data.settings import Augmentation
from prunescope.imaging.network_input import Normalisation
from prunescope.training.forward import class_scores, classes_needed
from prunescope.training.sharing import BatchShare


def recalibrate(
    network: nn.Module,
    images: Images,
    *,
    batches: int,
    batch_size: int,
    normalisation: Normalisation,
    augmentation: Augmentation | None = None,
    seeds: Seeds = Seeds.equal(0),  # noqa: B008 - frozen
    precision: Precision = "float32",
    channels_last: bool = False,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> int:
    """Estimate every running mean and variance of batch normalisation anew, in place.

    They become the plain means, over so many batches of training images, of each batch's mean and
    unbiased variance, as those of torch.optim.swa_utils.update_bn. Nothing else changes: no weight,
    no counter, and no layer but batch normalisation computes as in training. Pruned weights have to
    be zero already, since the network is taken as it is.

    batches: each has batch_size images, so the smaller last batch of an epoch is left out, unless
        there are fewer images than that; where an epoch has fewer, the next one goes on.
    seeds: of order and augmentation, in streams of their own.
    ranks: the processes that share each batch, and all call this alike.
    Returns how many layers were estimated. Raises ConfigError for a network without any, as
    `check_recalibration`; DataError if labels do not fit the network.
    """
    check_recalibration(network)
    layers, device, classes = normalisations(network), device_of(network), classes_needed(images)
    share = BatchShare(ranks=ranks, images=min(batch_size, len(images)))
    shown = _shown(images, share, normalisation, augmentation, seeds, channels_last, device)
    with (
        in_mode(network, training=False, channels_last=channels_last),
        _averaging(layers),
        repeatable(device),
        torch.no_grad(),
        share.normalising(),
        progress.task("recalibrating", batches) as task,
    ):
        for pixels in islice(shown, batches):
            class_scores(network, pixels, precision=precision, classes=classes)
            task.advance()
    return len(layers)


def check_recalibration(network: nn.Module) -> None:
    """Raise ConfigError for a network that has no statistics of batch normalisation."""
    if not normalisations(network):
        raise ConfigError(
            "there is nothing to recalibrate: the network has no batch normalisation with running "
            "means and variances; leave out recalibrate"
        )


def normalisations(network: nn.Module) -> list[_BatchNorm]:
    """Return the layers of batch normalisation that keep running statistics."""
    return [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    ]


@contextmanager
def _averaging(layers: list[_BatchNorm]) -> Iterator[None]:
    """Have layers take the mean of all batches from now on; they are left as they were."""
    before = [(each.momentum, each.num_batches_tracked) for each in layers]
    for layer in layers:
        counter = layer.num_batches_tracked
        assert counter is not None  # of a layer that keeps statistics
        layer.num_batches_tracked = torch.zeros_like(counter)
        layer.momentum = None  # torch's word for a plain mean
        layer.reset_running_stats()
        layer.training = True
    try:
        yield
    finally:
        for layer, (momentum, counter) in zip(layers, before, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, counter


def _shown(
    images: Images,
    share: BatchShare,
    normalisation: Normalisation,
    augmentation: Augmentation | None,
    seeds: Seeds,
    channels_last: bool,
    device: torch.device,
) -> Iterator[Tensor]:
    """Yield this process's part of full batches of images without end."""
    streams, batch_size = seeds.derive("recalibration"), share.images
    whole = len(images) // batch_size * batch_size
    for epoch in count():
        for pixels, _ in batches_of(
            images,
            batch_size=batch_size,
            normalisation=normalisation,
            order=epoch_order(len(images), streams.order, epoch)[:whole],
            augmentation=augmentation,
            seed=streams.augmentation,
            epoch=epoch,
            part=lambda _, __: share.own,
            channels_last=channels_last,
            device=device,
        ):
            yield pixels
