"""How do two networks differ on the same labelled images?"""

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
from prunescope.results.evaluation import Evaluation, check_room
from prunescope.results.forms import read_json
from prunescope.results.layout import CLASSES, EVALUATION, PREDICTIONS_OF_SIDES
from prunescope.results.predictions import read_predictions, write_predictions
from prunescope.results.reading import read_form
from prunescope.results.schemas import EVALUATION_PAIR_FORM
from prunescope.results.tables import write_csv, write_json


@dataclass(frozen=True, kw_only=True, repr=False)
class EvaluationPair(Shown):
    """Two networks, A and B, on the same labelled images.

    counts: everything that is counted, as `summary()` returns it (docs/formats.md): of each side
        accuracy, calibration and cost; agreement, flips and the change of each class.
    predictions: what each side said of each image, by "a" and "b".
    """

    counts: Mapping[str, Any]
    predictions: Mapping[str, pd.DataFrame] = field(repr=False, compare=False)

    @property
    def classes(self) -> pd.DataFrame:
        """How the accuracy of each class changes from A to B: a row per class, with intervals."""
        return pd.DataFrame(self.counts["classes"]).astype(
            dict.fromkeys(("accuracy_a", "accuracy_b", "difference", "low", "high"), float)
        )

    def summary(self) -> dict[str, Any]:
        """Return all counts as plain values; what is undefined is None."""
        return dict(self.counts)

    @classmethod
    def load(cls, folder: Path | str) -> "EvaluationPair":
        """Read what `save` wrote. Raises DataError where a file is missing or damaged."""
        path = checked_path("folder", folder)
        counts = read_form(path / EVALUATION, EVALUATION_PAIR_FORM)
        predictions = {
            letter: read_predictions(path / name) for letter, name in PREDICTIONS_OF_SIDES.items()
        }
        for letter, table in predictions.items():
            if float((table["rank"] == 0).mean()) != counts[letter]["top1"]:
                name = PREDICTIONS_OF_SIDES[letter]
                raise DataError(f"{path} is damaged: {name} is not what {EVALUATION} counts")
        return cls(counts=counts, predictions=predictions)

    def save(self, folder: Path | str) -> None:
        """Write counts, classes, predictions and their checksums into a folder, all or nothing.

        An evaluation that is there already is replaced. Raises ConfigError as `check_room` does.
        """
        path = checked_path("folder", folder)
        check_room(path)
        with replacing(path) as draft:
            self.write(draft)

    def write(self, folder: Path) -> None:
        """Write the files into an empty folder."""
        write_json(folder / EVALUATION, self.summary())
        write_csv(folder / CLASSES, self.classes, na_rep="nan")
        for letter, name in PREDICTIONS_OF_SIDES.items():
            write_predictions(folder / name, self.predictions[letter])
        record_checksums(folder)


def open_evaluation(folder: Path) -> Evaluation | EvaluationPair:
    """Return what `evaluate --out` wrote. Raises DataError where a file is missing or damaged."""
    of_two = "a" in read_json(folder / EVALUATION)
    return EvaluationPair.load(folder) if of_two else Evaluation.load(folder)
