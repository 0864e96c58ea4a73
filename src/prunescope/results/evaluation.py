"""How good is a network on labelled images?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.door import checked_path
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.folders import drafting, replacing
from prunescope.base.text import counted, on_one_line
from prunescope.results.checksums import record_checksums
from prunescope.results.layout import EVALUATION, OF_AN_EVALUATION, PREDICTIONS
from prunescope.results.predictions import classes_of, read_predictions, write_predictions
from prunescope.results.reading import read_form
from prunescope.results.schemas import EVALUATION_FORM
from prunescope.results.tables import write_json

_SCORES = ("top1", "top5", "loss", "images", "per_class")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a network scores on labelled images.

    top1, top5: shares of the images; top5 is the top n where there are only n < 5 outputs.
    loss: mean cross entropy, in nats.
    per_class: top-1 share of each class, by name; nan for a class without images. Of classes that
    share a name, each carries its number: "crane (134)".
    predictions: a row per image, with what the network said of it (docs/formats.md).
    about: the `network`, `data` and `split`, where these are known.
    """

    top1: float
    top5: float
    loss: float
    images: int
    per_class: dict[str, float]
    predictions: pd.DataFrame = field(repr=False, compare=False)
    about: Mapping[str, str] = field(repr=False, compare=False)

    @classmethod
    def of(cls, predictions: pd.DataFrame, about: Mapping[str, str] | None = None) -> "Evaluation":
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
            about=dict(about or {}),  # no view of a mapping, which could not be pickled
        )

    @classmethod
    def load(cls, folder: Path | str) -> "Evaluation":
        """Read what `save` wrote. Raises DataError where a file is missing or damaged."""
        path = checked_path("folder", folder)
        stated = read_form(path / EVALUATION, EVALUATION_FORM)
        about = {name: value for name, value in stated.items() if name not in _SCORES}
        found = cls.of(read_predictions(path / PREDICTIONS), about)
        if found.as_dict() != {name: stated[name] for name in _SCORES}:
            raise DataError(f"{path} is damaged: {PREDICTIONS} is not what {EVALUATION} counts")
        return found

    def save(self, folder: Path | str) -> None:
        """Write the scores, the predictions and their checksums into a folder, all or nothing.

        An evaluation that is there already is replaced. Raises ConfigError as `check_room` does.
        """
        path = checked_path("folder", folder)
        check_room(path)
        with replacing(path) as draft:
            write_json(draft / EVALUATION, {**self.about, **self.as_dict()})
            write_predictions(draft / PREDICTIONS, self.predictions)
            record_checksums(draft)

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
        values = {name: getattr(self, name) for name in _SCORES}
        values["per_class"] = {name: plain_number(share) for name, share in self.per_class.items()}
        return values | {"loss": plain_number(self.loss)}


def check_room(
    folder: Path,
    main: str = EVALUATION,
    files: frozenset[str] = OF_AN_EVALUATION,
    kind: str = "an evaluation",
) -> None:
    """Raise ConfigError where no evaluation can be saved, or it would replace something else.

    main, files, kind: the file that every result of this kind has, all that one may have, and
    what it is called.
    """
    with drafting(folder):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file: give a folder as --out")
        names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        if names - files or (names and main not in names):
            other = min(names - files, default=min(names))
            raise ConfigError(
                f"{folder} is not empty and not {kind} (it holds {other}): give another --out"
            )


def plain_number(value: Any) -> Any:
    """Return a value for JSON: None for a number that is nan or infinite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table for JSON."""
    rows = table.to_dict("records")
    return [{str(name): plain_number(value) for name, value in row.items()} for row in rows]
