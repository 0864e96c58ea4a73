"""How is a dissected layer written as Network Dissection and NetDissect-Lite write theirs?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.files import write_together
from prunescope.base.paths import refuse_replacing, require_place
from prunescope.base.text import on_one_line, shortened
from prunescope.results.cells import csv_bytes
from prunescope.results.checksums import checksum_beside, is_checksum
from prunescope.results.dissection import LayerDissection
from prunescope.results.kinds import layer_folders
from prunescope.results.netdissect import netdissect_columns, read_netdissect
from prunescope.results.opened import open_layer
from prunescope.results.overlap import Overlap
from prunescope.results.reading import read_csv
from prunescope.results.units import categories_of


def export_netdissect(result: Path, out: Path, layer: str | None = None) -> pd.DataFrame:
    """Write one layer's units as a CSV of Network Dissection, its checksum beside it; return it.

    result: a dissection's folder, a layer's, or a level's of a run. layer: needed where it holds
    several. `open_dissection` reads the same numbers from the file.
    A file that is there already is replaced if it is such an export, see `is_export`.
    Raises ConfigError where it does not say which layer, or `out` cannot be a file or is another;
    DataError where there is no dissection, or one that is damaged.
    """
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder: give the name of a file in it")
    require_place(out.parent)
    chosen = _one_layer(result, layer)
    table = netdissect_table(chosen.units, chosen.overlap)
    content = csv_bytes(table)
    beside = checksum_beside(out, content)
    refuse_replacing(out, content, is_export)
    for path, line in beside.items():
        refuse_replacing(path, line, is_checksum)
    write_together(beside | {out: content})
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


def netdissect_table(units: pd.DataFrame, overlap: Overlap) -> pd.DataFrame:
    """Return a row per unit in the form of Network Dissection, where units count from 1.

    units: as `score_units` returns them. overlap: the counts behind them.
    A unit without a concept has a score of 0, and neither category nor label. In a category in
    which it has none, the label is empty, truth and intersect are 0.
    Raises DataError where the counts lack a category of the units.
    """
    unknown = [name for name in categories_of(units) if name not in overlap.categories]
    if unknown:
        raise DataError(
            f"units and counts are of different dissections: the counts have no {unknown[0]}, but "
            f"{on_one_line(shortened(', '.join(overlap.categories)))}"
        )
    ious = overlap.iou
    columns: dict[str, Any] = {
        "unit": units["unit"] + 1,
        "category": units["category"],
        "label": units["concept"],
        "score": units["iou"].fillna(0.0),
    }
    for category in categories_of(units):
        column = overlap.categories.index(category)
        within = np.where(overlap.category_of == column, np.nan_to_num(ious), -1.0)
        best = within.argmax(axis=1)  # the first of equal ones, as in `score_units`
        named = units[f"{category}_label"].notna().to_numpy()
        rows = np.arange(len(units))
        fields = {
            "label": units[f"{category}_label"],
            "truth": np.where(named, overlap.truth[best], 0),
            "activation": overlap.activation[:, column],
            "intersect": np.where(named, overlap.intersection[rows, best], 0),
            "iou": units[f"{category}_iou"].fillna(0.0),
        }
        columns |= {f"{category}-{field}": values for field, values in fields.items()}
    return pd.DataFrame(columns)[netdissect_columns(categories_of(units))]


def _one_layer(result: Path, layer: str | None) -> LayerDissection:
    if result.is_file():
        raise ConfigError(f"{result} is a file: give the folder of a dissection")
    layers = {folder.resolve().name: folder for folder in layer_folders(result)}
    available = ", ".join(layers)
    if layer is None and len(layers) > 1:
        raise ConfigError(
            f"{result} holds {available}: say with --layer (in Python layer=) which one"
        )
    chosen = next(iter(layers)) if layer is None else layer
    if chosen not in layers:
        raise ConfigError(
            f'there is no layer "{chosen}"{nearest(chosen, layers)}: {result} has {available}'
        )
    return open_layer(layers[chosen])
