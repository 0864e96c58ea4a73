"""How good is a network on labelled images?"""

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.text import counted, on_one_line
from prunescope.results.predictions import classes_of


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a network scores on labelled images.

    top1, top5: shares of the images; top5 is the top n where there are only n < 5 outputs.
    loss: mean cross entropy, in nats.
    per_class: top-1 share of each class, by name; nan for a class without images. Of classes that
    share a name, each carries its number: "crane (134)".
    predictions: a row per image, with what the network said of it (docs/formats.md).
    """

    top1: float
    top5: float
    loss: float
    images: int
    per_class: dict[str, float]
    predictions: pd.DataFrame = field(repr=False, compare=False)

    @classmethod
    def of(cls, predictions: pd.DataFrame) -> "Evaluation":
        """Return the scores of one image or more. Means are float64."""
        classes, rank = classes_of(predictions), predictions["rank"].to_numpy()
        labels = predictions["class"].cat.codes.to_numpy()
        shown = np.bincount(labels, minlength=len(classes)).tolist()
        right = np.bincount(labels[rank < 1], minlength=len(classes)).tolist()
        return cls(
            top1=int((rank < 1).sum()) / len(rank),
            top5=int((rank < min(5, len(classes))).sum()) / len(rank),
            loss=float(predictions["loss"].to_numpy(np.float64).mean()),
            images=len(rank),
            per_class={
                name: hits / total if total else math.nan
                for name, hits, total in zip(classes, right, shown, strict=True)
            },
            predictions=predictions,
        )

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
        """Return plain values for JSON, without the predictions; nan and infinity become None."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        values["per_class"] = {name: _plain(share) for name, share in self.per_class.items()}
        return values | {"loss": _plain(self.loss)}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
