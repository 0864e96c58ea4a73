"""How is a saved table or JSON object read, whoever may have touched it since?"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from prunescope.base.cells import original, original_texts
from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.text import on_one_line

# a damaged parquet file may state absurd sizes, and hold text that is no UTF-8
_GREATEST = 2**63 - 1
_DAMAGED = (OSError, pa.ArrowException, ValueError, TypeError, KeyError, OverflowError, MemoryError)


@dataclass(frozen=True)
class Kind:
    """A kind of value in JSON: how it is called, and which values are of it.

    may_lack: whether it may be null, or missing.
    """

    title: str
    takes: Callable[[Any], bool]
    may_lack: bool = False

    @property
    def or_none(self) -> "Kind":
        """The same kind, which may lack."""
        return replace(self, may_lack=True)


Form = Mapping[str, "Kind | Form"]
"""Kinds by key; of an object the form of it, which counts only where the object is there."""


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _GREATEST
    )


COUNT = Kind("a count", lambda value: _is_number(value) and isinstance(value, int) and value >= 0)
NUMBER = Kind("a finite number", _is_number)
NUMBERS = Kind("a list of numbers", lambda v: isinstance(v, list) and all(map(_is_number, v)))
TEXT = Kind("a text", lambda value: isinstance(value, str))

METRICS_FORM: Form = {
    **{"replicate": COUNT, "strategy": TEXT, "level": COUNT},
    **{"keep": NUMBER, "keep_overall": NUMBER.or_none, "top1": NUMBER},
}
"""What `metrics.json` of a level holds, as far as it is read."""

DISSECTION_FORM: Form = {
    "images": COUNT.or_none,
    "convention": TEXT.or_none,
    "concept_set": {"name": TEXT, "fingerprint": TEXT},
    "input": {"resolution": COUNT.or_none, "mean": NUMBERS.or_none, "std": NUMBERS.or_none},
    "settings": {"quantile": NUMBER.or_none, "iou": NUMBER.or_none, "precision": TEXT.or_none},
    "chance": {
        **{"draws": COUNT, "rate": NUMBER},
        **{"expected_draws": COUNT.or_none, "most_draws": COUNT.or_none},
        **{"expected_false": NUMBER, "expected_false_sd": NUMBER.or_none},
        **{"expected_concepts": NUMBER.or_none, "expected_concepts_sd": NUMBER.or_none},
        **{"discoveries": COUNT, "concepts": COUNT, "undecided": COUNT},
        **{"smallest_draws": COUNT.or_none, "advised_draws": COUNT.or_none},
    },
}
"""What `summary.json` of a dissection holds, as far as it is read."""


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        return pd.read_parquet(path)
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as a table: {in_a_line(error)}") from None


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read what `csv_bytes` or another tool wrote, with options of `pandas.read_csv`.

    Options name columns as they are called, not as they are written.
    Raises DataError as `read_parquet` does.
    """
    require_file(path)
    try:
        written = [str(name) for name in pd.read_csv(path, nrows=0).columns]
        names = [original(name) for name in written]
        if names != written:
            options = options | {"names": names, "header": 0}
        table: pd.DataFrame = original_texts(pd.read_csv(path, **options))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start + 1:,}): save it so") from None
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as a CSV: {in_a_line(error)}") from None
    return table


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {in_a_line(error)}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} holds no JSON object")
    return values


def read_form(path: Path, form: Form) -> dict[str, Any]:
    """Read a JSON object, of which some values must be of a kind.

    form: kinds by key, see `Form`. Keys that are not in it may hold anything.
    Raises DataError, in one line, where the file is missing or damaged.
    """
    values = read_json(path)
    fault = _fault(values, form, "")
    if fault is not None:
        raise DataError(f"{path} is damaged: {fault}")
    return values


def texts_of(value: object) -> tuple[str, ...]:
    """Return a list of texts that JSON held. Raises TypeError where it is none."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError("no list of texts")
    return tuple(value)


def check_counts(
    path: Path, counts: Mapping[str, Any], categories: Sequence[str], names: Sequence[str] = ()
) -> None:
    """Raise DataError where the counts of a dissection do not fit each other.

    path: their file. counts: arrays or tensors by the names of an `Overlap`. categories, names:
    those of the columns of A, and of the labels, where they are stored.
    """
    units, labels = len(counts["thresholds"]), len(counts["truth"])
    expected = {
        **{"intersection": (units, labels), "activation": (units, len(categories))},
        **dict.fromkeys(("truth", "label_numbers", "category_of"), (labels,)),
    }
    fit = all(tuple(counts[name].shape) == shape for name, shape in expected.items())
    chosen = counts["category_of"].tolist()
    if not fit or not set(chosen) <= set(range(len(categories))) or len(names) not in (0, labels):
        raise DataError(f"{path} is damaged: its counts do not fit each other")


def _fault(values: dict[str, Any], form: Form, above: str) -> str | None:
    """Say what is wrong with the first value that is not of its kind; None where all are."""
    for key, kind in form.items():
        value, name = values.get(key), f"{above}{key}"
        if isinstance(kind, Mapping):
            if value is None:
                continue
            if not isinstance(value, dict):
                return f"{name} is {on_one_line(repr(value))[:60]}, not an object"
            fault = _fault(value, kind, f"{name}.")
            if fault is not None:
                return fault
        elif not (value is None and kind.may_lack) and not kind.takes(value):
            return f"{name} is {on_one_line(repr(value))[:60]}, not {kind.title}"
    return None


def in_a_line(error: BaseException) -> str:
    """Return what a library says of a damaged file, in one short line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]
