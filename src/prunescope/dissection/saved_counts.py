"""How are the counts of a dissected layer kept on disk?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.base.tensors import load_metadata, load_tensors, save_tensors
from prunescope.dissection.overlap import Overlap
from prunescope.dissection.saved_layer import check_layer
from prunescope.dissection.scores import NO_LABEL
from prunescope.results.layout import COUNTS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import check_counts, texts_of

_NAMES = "dissection"
_TEXTS = ("categories", "label_names")  # of an Overlap; its other fields are tensors


def save_counts(folder: Path, layer: str, overlap: Overlap) -> None:
    """Write the counts of a layer."""
    counts = vars(overlap)
    tensors = {name: value for name, value in counts.items() if name not in _TEXTS}
    names = {"layer": layer} | {name: counts[name] for name in _TEXTS}
    save_tensors(folder / COUNTS, tensors, {_NAMES: json.dumps(names)})


def check_fit(
    folder: Path, overlap: Overlap, units: pd.DataFrame, summary: Mapping[str, Any]
) -> None:
    """Raise DataError where a layer's counts, units and summary are not of one dissection.

    folder: theirs.
    """
    check_layer(folder, units, summary)
    categories = summary["settings"].get("categories")  # by which units were labelled; None for all
    count, known = len(overlap.thresholds), set(overlap.label_numbers.tolist())
    labels = set(units["label"].dropna().astype("int64")) - {NO_LABEL}
    fit = units["unit"].tolist() == list(range(count)) and labels <= known
    if not fit or not set(categories or ()) <= set(overlap.categories):
        raise DataError(f"{folder} is damaged: its {COUNTS} is not of the units beside it")


def load_counts(folder: Path) -> tuple[str, Overlap]:
    """Return a layer's name and its counts. Raises DataError where they are missing or damaged."""
    path = folder / COUNTS
    check_recorded(path)
    metadata, tensors = load_metadata(path), load_tensors(path)
    try:
        names = json.loads(metadata[_NAMES])
        counts: dict[str, Any] = {**tensors}
        counts |= {name: texts_of(names[name]) for name in _TEXTS if name in names}
        overlap = Overlap(**counts)
        check_counts(path, counts, overlap.categories, overlap.label_names)
        return str(names["layer"]), overlap
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"{path} holds no counts of a dissection") from None
