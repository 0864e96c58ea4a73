"""Which columns must a saved table have, and what must they hold?"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

from prunescope.base.errors import DataError
from prunescope.base.text import on_one_line
from prunescope.results.forms import Kind

_MOST = 2**53  # counts up to here are exact in float64


Columns: TypeAlias = Mapping[str, Kind]
"""Kinds by the name of the column; "*_iou" stands for every name that ends with "_iou"."""


def where_there(columns: Columns) -> Columns:
    """Return the same columns, all optional."""
    return {name: kind.or_none for name, kind in columns.items()}


def check_columns(table: pd.DataFrame, columns: Columns, path: Path) -> None:
    """Raise DataError for the first column that is missing, or holds values of another kind.

    path: the table's file.
    """
    for name, kind in columns.items():
        if name.startswith("*"):
            columns_of_kind = [each for each in map(str, table.columns) if each.endswith(name[1:])]
        else:
            columns_of_kind = [name] if name in table.columns else []
            if not columns_of_kind and not kind.may_lack:
                raise DataError(f"{path} is damaged: it has no column {name}")
        for column in columns_of_kind:
            if not kind.takes(table[column]):
                shown = on_one_line(column)
                raise DataError(f"{path} is damaged: its column {shown} holds not {kind.title}")


def _numbers(column: "pd.Series[Any]") -> np.ndarray | None:
    """Return the numbers of a column without missing ones; None if it holds anything else."""
    if not is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype):
        return None
    return column.dropna().to_numpy(np.float64)


def _within(lowest: float, highest: float, *, whole: bool = False) -> Any:
    def takes(column: "pd.Series[Any]") -> bool:
        numbers = _numbers(column)
        if numbers is None:
            return bool(column.isna().all()) and not is_bool_dtype(column.dtype)
        inside = bool(((numbers >= lowest) & (numbers <= highest)).all())
        return inside and not (whole and bool((numbers % 1 != 0).any()))

    return takes


def _complete(takes: Callable[["pd.Series[Any]"], bool]) -> Any:
    return lambda column: bool(column.notna().all()) and takes(column)


def _are_texts(column: "pd.Series[Any]") -> bool:
    return infer_dtype(column, skipna=True) == "string" or bool(column.isna().all())


def _are_lists(column: "pd.Series[Any]") -> bool:
    return all(isinstance(value, list | np.ndarray) for value in column.dropna())


def _are_categories(column: "pd.Series[Any]") -> bool:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return False
    return infer_dtype(column.cat.categories, skipna=False) == "string"


COUNTS = Kind("counts alone", _complete(_within(0, _MOST, whole=True)))
COUNTS_OR_NONE = Kind("counts alone", _within(0, _MOST, whole=True))
NUMBERS = Kind("finite numbers alone", _within(-np.finfo(float).max, np.finfo(float).max))
SHARES = Kind("numbers in [0, 1] alone", _within(0, 1))
CHANGES = Kind("numbers in [-1, 1] alone", _within(-1, 1))
TEXTS = Kind("texts alone", _are_texts)
NAMES = Kind("a text in every row", _complete(_are_texts))
TRUTHS = Kind("true and false alone", lambda column: is_bool_dtype(column.dtype))
LISTS = Kind("a list in every row", _complete(_are_lists))
LOSSES = Kind("numbers of 0 or more alone", _within(0, np.inf))
CLASSES_OR_NONE = Kind("names of classes alone", _are_categories)
CLASSES = Kind("a class in every row", _complete(_are_categories))
