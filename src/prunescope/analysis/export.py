"""How is a dissected layer written as Network Dissection and NetDissect-Lite write theirs?"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.analysis.netdissect import netdissect_columns, read_netdissect
from prunescope.analysis.places import layer_folders
from prunescope.analysis.summary import read_units
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.files import write_atomically
from prunescope.base.paths import refuse_replacing, require_place
from prunescope.dissection.counts import categories_of, iou_of_counts
from prunescope.results.arrays import load_arrays, load_arrays_metadata
from prunescope.results.cells import csv_bytes
from prunescope.results.layout import COUNTS, UNITS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import check_counts, read_csv, texts_of


def export_netdissect(result: Path, out: Path, layer: str | None = None) -> pd.DataFrame:
    """Write one layer's units as a CSV of Network Dissection, and return it.

    result: a dissection's folder, a layer's, or a level's of a run. layer: needed where it holds
    several. `read_units` reads the same numbers from the file.
    A file that is there already is replaced if it is such an export, see `is_export`.
    Raises ConfigError where it does not say which layer, or `out` cannot be a file or is another;
    DataError where there is no dissection, or one that is damaged.
    """
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder: give the name of a file in it")
    require_place(out.parent)
    folder = _one_layer(result, layer)
    units = read_units(folder)
    table = netdissect_table(units, *_counts(folder / COUNTS, units))
    content = csv_bytes(table)
    refuse_replacing(out, content, is_export)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, content)
    return table


def is_export(path: Path) -> bool:
    """Return whether a file is a CSV that `export_netdissect` wrote.

    It has the columns of Network Dissection, and every IoU in it is the quotient of the counts
    beside it to the last digit; the tools themselves write fewer digits.
    """
    try:
        units = read_netdissect(path)
        table = read_csv(path, dtype=str, keep_default_na=False)
    except DataError:
        return False
    categories = categories_of(units)
    if list(table.columns) != netdissect_columns(categories):
        return False
    return all(_is_exact(table, category) for category in categories)


def _is_exact(table: pd.DataFrame, category: str) -> bool:
    intersect, activation, truth = (
        pd.to_numeric(table[f"{category}-{field}"]).to_numpy(np.float64)
        for field in ("intersect", "activation", "truth")
    )
    union = activation + truth - intersect
    ious = np.divide(intersect, union, out=np.zeros(len(table)), where=union > 0)
    return table[f"{category}-iou"].tolist() == [str(iou) for iou in ious.tolist()]


def netdissect_table(
    units: pd.DataFrame, counts: Mapping[str, np.ndarray], categories: Sequence[str]
) -> pd.DataFrame:
    """Return a row per unit, as Network Dissection has it; units count from 1 there.

    units: as `score_units` makes them. counts: those behind them (`Overlap`), whose columns of A
    are of these categories.
    A unit without a concept has a score of 0, and neither category nor label. In a category in
    which it has none, the label is empty, truth and intersect are 0.
    """
    ious = iou_of_counts(
        counts["intersection"], counts["activation"], counts["truth"], counts["category_of"]
    )
    columns: dict[str, Any] = {
        "unit": units["unit"] + 1,
        "category": units["category"],
        "label": units["concept"],
        "score": units["iou"].fillna(0.0),
    }
    for category in categories_of(units):
        place = categories.index(category)
        within = np.where(counts["category_of"] == place, np.nan_to_num(ious), -1.0)
        best = within.argmax(axis=1)  # the first of equal ones, as in `score_units`
        named = units[f"{category}_label"].notna().to_numpy()
        rows = np.arange(len(units))
        own = {
            "label": units[f"{category}_label"],
            "truth": np.where(named, counts["truth"][best], 0),
            "activation": counts["activation"][:, place],
            "intersect": np.where(named, counts["intersection"][rows, best], 0),
            "iou": units[f"{category}_iou"].fillna(0.0),
        }
        columns |= {f"{category}-{field}": values for field, values in own.items()}
    return pd.DataFrame(columns)[netdissect_columns(categories_of(units))]


def _counts(path: Path, units: pd.DataFrame) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    check_recorded(path)
    try:
        categories = texts_of(json.loads(load_arrays_metadata(path)["dissection"])["categories"])
        counts = load_arrays(path)
        check_counts(path, counts, categories)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"{path} holds no counts of a dissection") from None
    if len(counts["thresholds"]) != len(units) or not {*categories_of(units)} <= {*categories}:
        raise DataError(f"{path} is damaged: its counts are not those of {UNITS} beside it")
    return counts, categories


def _one_layer(result: Path, layer: str | None) -> Path:
    if result.is_file():
        raise ConfigError(f"{result} is a file: give the folder of a dissection")
    folders = {folder.resolve().name: folder for folder in layer_folders(result)}
    if layer is None and len(folders) == 1:
        return next(iter(folders.values()))
    known = ", ".join(folders)
    if layer is None:
        raise ConfigError(f"{result} holds {known}: say with --layer (in Python layer=) which one")
    if layer not in folders:
        hint = nearest(layer, list(folders))
        raise ConfigError(f'there is no layer "{layer}"{hint}: {result} has {known}')
    return folders[layer]
