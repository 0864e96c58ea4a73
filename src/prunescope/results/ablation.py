"""What does a network lose without some units of a layer?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.door import checked_path
from prunescope.base.errors import DataError
from prunescope.base.folders import replacing
from prunescope.base.hooks import Shown
from prunescope.results.checksums import record_checksums
from prunescope.results.evaluation import check_room, plain_number
from prunescope.results.layout import ABLATION, CLASSES, OF_AN_ABLATION, PREDICTIONS_OF_ABLATION
from prunescope.results.predictions import read_predictions, write_predictions
from prunescope.results.reading import read_form
from prunescope.results.schemas import ABLATION_FORM
from prunescope.results.tables import write_csv, write_json

_WORDS = ("class", "images")


@dataclass(frozen=True, kw_only=True, repr=False)
class Ablation(Shown):
    """A network with all its units, and without some of one layer.

    counts: everything that is counted, as `summary()` returns it.
    classes: a row per class: `class`, `images`, the accuracies `whole` and `without` the units,
        their `difference` with its 95 % interval from `low` to `high`, for other images, and
        `control`, `control_low` and `control_high`: the mean difference without as many random
        units, and its interval, for other draws and other images; nan where nothing was drawn.
    predictions: what the network said of each image, by "whole" and "without".
    """

    counts: Mapping[str, Any]
    classes: pd.DataFrame
    predictions: Mapping[str, pd.DataFrame] = field(repr=False, compare=False)

    def summary(self) -> dict[str, Any]:
        """Return all counts as plain values, with those of `classes`; undefined is None."""
        rows = self.classes.to_dict("records")
        classes = [{str(name): plain_number(value) for name, value in row.items()} for row in rows]
        return {**self.counts, "classes": classes}

    @classmethod
    def load(cls, folder: Path | str) -> "Ablation":
        """Read what `save` wrote. Raises DataError where a file is missing or damaged."""
        path = checked_path("folder", folder)
        counts = read_form(path / ABLATION, ABLATION_FORM)
        classes = pd.DataFrame(counts.pop("classes"))
        numbers = [name for name in classes if name not in _WORDS]
        predictions = {
            name: read_predictions(path / file) for name, file in PREDICTIONS_OF_ABLATION.items()
        }
        for name, table in predictions.items():
            if float((table["rank"] == 0).mean()) != counts[name]:
                file = PREDICTIONS_OF_ABLATION[name]
                raise DataError(f"{path} is damaged: {file} is not what {ABLATION} counts")
        return cls(
            counts=counts,
            classes=classes.astype(dict.fromkeys(numbers, float)),
            predictions=predictions,
        )

    def save(self, folder: Path | str) -> None:
        """Write counts, classes, predictions and their checksums into a folder, all or nothing.

        An ablation that is there already is replaced. Raises ConfigError as `check_room` does.
        """
        path = checked_path("folder", folder)
        check_ablation_room(path)
        with replacing(path) as draft:
            write_json(draft / ABLATION, self.summary())
            write_csv(draft / CLASSES, self.classes, na_rep="nan")
            for name, file in PREDICTIONS_OF_ABLATION.items():
                write_predictions(draft / file, self.predictions[name])
            record_checksums(draft)


def check_ablation_room(folder: Path) -> None:
    """Raise ConfigError where no ablation can be saved, or it would replace something else."""
    check_room(folder, ABLATION, OF_AN_ABLATION, "an ablation")
