"""How good is a network on labelled images?"""

from collections import Counter
from contextlib import suppress
from itertools import zip_longest
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from prunescope.base.arithmetic import computing_by, wants_channels_last
from prunescope.base.compiling import CompiledNetwork
from prunescope.base.errors import ConfigError
from prunescope.base.images import Arithmetic, Precision
from prunescope.base.modes import device_of, in_mode
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.data.labelled import Images
from prunescope.data.loader import batches
from prunescope.imaging.network_input import Normalisation
from prunescope.results.evaluation import Evaluation
from prunescope.results.predictions import predictions_table
from prunescope.training.forward import class_scores, classes_needed

_OfImages: TypeAlias = tuple[Tensor, ...]
"""What is kept of a batch, see `_read_scores`."""


def evaluate(
    network: nn.Module,
    images: Images,
    *,
    normalisation: Normalisation,
    batch_size: int = 256,
    precision: Precision = "float32",
    arithmetic: Arithmetic = "plain",
    channels_last: bool = False,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> Evaluation:
    """Return a network's accuracy and loss, computed on its own device in evaluation mode.

    The network is left as it was. Sums are float64. Ties: see `rank_of_label`.

    arithmetic: of float32; bfloat16 is plain. channels_last: also where it would not be needed.
    ranks: the processes that share the images, batch by batch, each with the same network; every
        one gets the whole result, of the same bits as from one process.
    Raises DataError if there are no images or a label is beyond the network's outputs.
    """
    device, classes = device_of(network), classes_needed(images)
    if precision == "bf16":
        arithmetic = "plain"
    size = (len(normalisation.mean), *images.size)
    parts = torch.split(torch.arange(len(images)), batch_size)[ranks.rank :: ranks.count]
    order = torch.cat(parts) if parts else torch.arange(0)
    results: list[_OfImages] = []
    with (
        in_mode(network, training=False, channels_last=channels_last),
        computing_by(arithmetic, network, size) as compiled,
        torch.inference_mode(),  # within `in_mode`, whose weights must stay trainable
        progress.task("evaluating", len(order)) as task,
    ):
        shown = network if compiled is None else CompiledNetwork(network, compiled)
        for pixels, labels in batches(
            images,
            batch_size=batch_size,
            normalisation=normalisation,
            order=order,
            channels_last=channels_last or wants_channels_last(arithmetic, precision, device),
            device=device,
        ):
            scores = class_scores(shown, pixels, precision=precision, classes=classes)
            results.append(_read_scores(scores, labels))
            task.advance(len(labels))
    return Evaluation.of(_table(images, _of_all(results, ranks)))


def check_outputs(
    network: nn.Module, *, channels: int, side: int, classes: int, precision: Precision
) -> None:
    """Raise DataError where a network has another number of outputs than the data has classes.

    side: of the black image that is tried. Where the network takes no such image, nothing is
    raised here, and the first batch decides.
    """
    black = torch.zeros(1, channels, side, side, device=device_of(network))
    with (
        in_mode(network, training=False),
        torch.inference_mode(),
        suppress(ConfigError),
    ):
        class_scores(network, black, precision=precision, classes=classes)


def rank_of_label(
    scores: Float[Tensor, "image class"], labels: Int64[Tensor, " image"]
) -> Int64[Tensor, " image"]:
    """Return how many classes stand before the label when classes are sorted by falling score.

    A label is in the top k if its rank is below k. Of equal scores the lower class stands first
    (argmax's rule), so a constant network is right for class 0 only. A score that is nan stands
    before all others, and a label whose own score is nan comes last: nan is never right.
    """
    of_label = scores.gather(1, labels[:, None])
    classes = torch.arange(scores.shape[1], device=scores.device)
    before = ~(scores <= of_label) | ((scores == of_label) & (classes < labels[:, None]))
    return before.sum(1)


def _read_scores(
    scores: Float[Tensor, "image class"], labels: Int64[Tensor, " image"]
) -> _OfImages:
    """Return what is kept of a batch, each by image.

    The predicted class, its probability, the label's rank and the loss in nats. Of equal scores the
    lower class is predicted. Where a score is nan, so is the probability.
    """
    log_probability = scores.log_softmax(1)
    highest, prediction = scores.max(1)
    probability = log_probability.gather(1, prediction[:, None])[:, 0].exp()
    return (
        prediction,
        probability.where(~highest.isnan(), highest),
        rank_of_label(scores, labels),
        nll_loss(log_probability, labels, reduction="none"),
    )


def _of_all(results: list[_OfImages], ranks: Ranks) -> list[np.ndarray]:
    """Return what `_read_scores` found of all images, in their order."""
    own = [tuple(part.cpu() for part in batch) for batch in results]
    turns = zip_longest(*ranks.gather(own))
    batches = [batch for turn in turns for batch in turn if batch is not None]
    return [torch.cat(parts).numpy() for parts in zip(*batches, strict=True)]


def _table(images: Images, found: list[np.ndarray]) -> pd.DataFrame:
    prediction, probability, rank, loss = found
    return predictions_table(
        _distinct(images.classes),
        label=images.labels.numpy(),
        prediction=prediction,
        probability=probability,
        rank=rank,
        loss=loss,
    )


def _distinct(names: tuple[str, ...]) -> list[str]:
    """Return names of which no two are the same: those that are carry their numbers."""
    times = Counter(names)
    numbered = [f"{name} ({i})" for i, name in enumerate(names)]
    told_apart = [
        number if times[name] > 1 else name for name, number in zip(names, numbered, strict=True)
    ]
    return told_apart if len(set(told_apart)) == len(told_apart) else numbered
