"""What did a network say of each test image, and is that of the same images as another's?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.errors import DataError
from prunescope.base.text import on_one_line
from prunescope.results.reading import read_table
from prunescope.results.schemas import PREDICTION_COLUMNS
from prunescope.results.tables import write_parquet

_UNKNOWN = -1  # the code of a missing category


def predictions_table(
    classes: Sequence[str],
    *,
    label: np.ndarray,
    prediction: np.ndarray,
    probability: np.ndarray,
    rank: np.ndarray,
    loss: np.ndarray,
) -> pd.DataFrame:
    """Return a row per image, in their order, with the columns of `predictions.parquet`.

    label, prediction: numbers of classes. Where the probability is nan, there is no prediction.
    """
    named = pd.CategoricalDtype(list(classes))
    sure = np.where(np.isnan(probability), _UNKNOWN, prediction)
    return pd.DataFrame(
        {
            "row": np.arange(len(label), dtype=np.int32),
            "class": pd.Categorical.from_codes(label.tolist(), dtype=named),
            "prediction": pd.Categorical.from_codes(sure.tolist(), dtype=named),
            "probability": probability.astype(np.float32),
            "rank": rank.astype(np.int32),
            "loss": loss.astype(np.float32),
        }
    )


def write_predictions(path: Path, predictions: pd.DataFrame) -> None:
    """Write the table, compressed; equal tables give equal bytes."""
    write_parquet(path, predictions, compression="zstd")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read the table. Raises DataError where it is missing, damaged or not as it was recorded."""
    predictions = read_table(path, PREDICTION_COLUMNS)
    if not len(predictions):
        raise DataError(f"{path} is damaged: it has no rows")
    if predictions["class"].dtype != predictions["prediction"].dtype:
        raise DataError(f"{path} is damaged: its two columns of classes are not of the same ones")
    if predictions["row"].duplicated().any():
        raise DataError(f"{path} is damaged: it has an image twice")
    return predictions


def classes_of(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Return all classes, in the order of the network's outputs, also those without images."""
    return tuple(predictions["class"].cat.categories)


def check_same_images(tables: Mapping[Any, pd.DataFrame]) -> None:
    """Raise DataError where predictions are not of the same images with the same classes.

    tables: by what messages call them.
    """
    (first_name, first), *others = tables.items()
    for name, table in others:
        if classes_of(table) != classes_of(first):
            differ = sorted(set(classes_of(table)) ^ set(classes_of(first)))
            which = f" ({on_one_line(differ[0])}, for one)" if differ else ", in their order"
            raise DataError(
                f"{first_name} and {name} were not evaluated on the same test images: their "
                f"classes differ{which}"
            )
        if len(table) != len(first):
            differ_in = f"one has {len(first):,} of them, the other {len(table):,}"
        elif not np.array_equal(table["row"], first["row"]):
            differ_in = "their rows are not the same"
        elif not np.array_equal(table["class"].to_numpy(), first["class"].to_numpy()):
            differ_in = "their classes are not the same, image by image"
        else:
            continue
        raise DataError(
            f"{first_name} and {name} were not evaluated on the same test images: {differ_in}"
        )
