"""How good is a network on labelled images?"""

import math
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from prunescope.base.arithmetic import computing_by, wants_channels_last
from prunescope.base.compiling import CompiledNetwork
from prunescope.base.errors import ConfigError
from prunescope.base.images import Arithmetic, Precision
from prunescope.base.modes import device_of, in_mode
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.text import counted, on_one_line
from prunescope.data.labelled import Images
from prunescope.data.loader import batches
from prunescope.imaging.network_input import Normalisation
from prunescope.training.forward import class_scores, classes_needed


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a network scores on labelled images.

    top1, top5: shares of the images; top5 is the top n where there are only n < 5 outputs.
    loss: mean cross entropy, in nats.
    per_class: top-1 share of each class, by name; nan for a class without images. Of classes that
    share a name, each carries its number: "crane (134)".
    """

    top1: float
    top5: float
    loss: float
    images: int
    per_class: dict[str, float]

    def __str__(self) -> str:
        """Return it as text for a terminal, best and worst class last."""
        defined = [(share, name) for name, share in self.per_class.items() if math.isfinite(share)]
        classes = sorted(defined, reverse=True)
        lines = [
            f"{counted(self.images, 'image')}",
            f"top-1    {100 * self.top1:.2f} %",
            f"top-5    {100 * self.top5:.2f} %",
            f"loss     {self.loss:.4f}",
        ]
        if len(classes) > 1:
            (best, best_name), (worst, worst_name) = classes[0], classes[-1]
            lines += [
                f"best     {on_one_line(best_name)}: {100 * best:.1f} %",
                f"worst    {on_one_line(worst_name)}: {100 * worst:.1f} %",
            ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is not a finite number becomes None."""
        values = asdict(self)
        values["per_class"] = {name: _plain(share) for name, share in self.per_class.items()}
        return values | {"loss": _plain(self.loss)}


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
    results: list[tuple[Tensor, Tensor]] = []
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
            loss = cross_entropy(scores, labels, reduction="none").double().sum()
            results.append((rank_of_label(scores, labels), loss))
            task.advance(len(labels))
    places, losses = _of_all(results, ranks)
    return _summarise(images, places, float(losses.sum()))


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


def _of_all(
    results: list[tuple[Tensor, Tensor]], ranks: Ranks
) -> tuple[Int64[Tensor, " image"], Float[Tensor, " batch"]]:
    """Return the results of all batches in their order: ranks of labels, and summed losses."""
    own = [(places.cpu(), loss.cpu()) for places, loss in results]
    turns = zip_longest(*ranks.gather(own))
    batches = [result for turn in turns for result in turn if result is not None]
    places, losses = zip(*batches, strict=True)
    return torch.cat(places), torch.stack(losses)


def _summarise(images: Images, ranks: Int64[Tensor, " image"], loss: float) -> Evaluation:
    right = ranks < 1
    shown = torch.bincount(images.labels, minlength=len(images.classes)).tolist()
    hits = torch.bincount(images.labels[right], minlength=len(images.classes)).tolist()
    return Evaluation(
        top1=int(right.sum()) / len(ranks),
        top5=int((ranks < min(5, len(images.classes))).sum()) / len(ranks),
        loss=loss / len(ranks),
        images=len(ranks),
        per_class={
            name: hit / total if total else math.nan
            for name, hit, total in zip(_distinct(images.classes), hits, shown, strict=True)
        },
    )


def _distinct(names: tuple[str, ...]) -> list[str]:
    times = Counter(names)
    return [f"{name} ({i})" if times[name] > 1 else name for i, name in enumerate(names)]


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
