"""Which classes and images paid for pruning, as the tables of a run say?"""

from pathlib import Path

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.results.columns import Columns, check_columns
from prunescope.results.layout import CLASSES, EXEMPLARS, STUDY, TABLES
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_csv
from prunescope.results.schemas import CLASS_COLUMNS, EXEMPLAR_COLUMNS


def has_class_tables(run: Path) -> bool:
    """Return whether a run's tables say who paid; those of earlier versions do not."""
    return all((run / TABLES / name).exists() for name in (CLASSES, EXEMPLARS))


def read_classes(run: Path) -> pd.DataFrame:
    """Read how each class changed. Raises DataError where that is missing or damaged."""
    return _read(run, CLASSES, CLASS_COLUMNS, texts=("strategy", "class"))


def read_exemplars(run: Path) -> pd.DataFrame:
    """Read which images changed. Raises DataError where that is missing or damaged."""
    predicted = ("before", "after")
    table = _read(run, EXEMPLARS, EXEMPLAR_COLUMNS, texts=("strategy", "class", *predicted))
    return table.assign(
        **{name: table[name].mask(table[name] == "") for name in predicted},
        twins_changed=table["twins_changed"].astype("Int64"),
    )


def _read(run: Path, name: str, columns: Columns, *, texts: tuple[str, ...]) -> pd.DataFrame:
    """Read a table. Its texts may be anything, even "null"; an empty one stays empty."""
    path = run / TABLES / name
    check_recorded(path)
    if not path.exists():
        raise DataError(
            f"{path} is missing: `prunescope run {run / STUDY} --out {run}` makes it, without "
            "training (an earlier version did not save what a level says of each image)"
        )
    names = read_csv(path, nrows=0).columns
    table = read_csv(
        path,
        dtype=dict.fromkeys(texts, "string"),
        keep_default_na=False,
        na_values={each: ["", "nan"] for each in names if each not in texts},
    )
    check_columns(table, columns, path)
    return table
