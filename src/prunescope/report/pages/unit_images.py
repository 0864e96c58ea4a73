"""Which images does a page show of every unit, with which maps, and where does it peak?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from prunescope.report.pages.borderline import borderline_images
from prunescope.report.pages.maps import write_maps
from prunescope.report.pages.page import rounded
from prunescope.report.pages.pictures import Pictures
from prunescope.results.dissection import LayerDissection

_TOP = 8  # images of a unit, at most
_BORDERLINE = 4  # more images of it, on which it barely fires
_BINS, _FEWER_BINS = 48, 32  # of its peaks, at most
_MANY = 20_000  # units of all views, from which on there are fewer bins
_BUDGET = 40_000_000  # bytes of all maps of a page
_BYTES_PER_CELL = 4 / 3  # in base64


def unit_images(
    layer: LayerDissection,
    concepts: Sequence[int],
    pictures: Pictures,
    *,
    has_borderline: bool,
    views: int,
) -> list[dict[str, Any]]:
    """Return for every unit, in the table's order, its images as atlas.js takes them.

    `images`, `peaks`, `maps`: its top images; `borderline`, `pixels`, `borderlineMaps`: others on
    which it barely fires, `repeated` of which are among the former; `shape`: of its maps;
    `histogram`: of its peaks on all images.
    concepts: of each unit, by its number on the page. has_borderline: see `View`. views: of the
    page, which share the room for maps.
    """
    units = layer.units
    blocks: list[dict[str, Any]] = [{"images": []} for _ in range(len(units))]
    top, borderline = layer.examples, layer.borderline
    drawn = 0
    if "map" in top and len(top):
        cells = int((top["height"] * top["width"]).max())
        room = max(1, int(_BUDGET / (views * len(units) * cells * _BYTES_PER_CELL)))
        kept = min(_TOP, max(1, round(room * _TOP / (_TOP + _BORDERLINE))))
        top = top[top["rank"] < kept]
        _add_maps(blocks, top, "maps", units)
        _add_images(blocks, top, "images", ("peak", "peaks"), concepts, pictures, units)
        drawn = min(_BORDERLINE, room - kept)
    if borderline.empty and has_borderline:
        borderline = borderline_images(layer.images, _BORDERLINE)
    if len(borderline):
        shown = _unrepeated(blocks, borderline[borderline["rank"] < _BORDERLINE], top, units)
        if drawn and "map" in shown:
            shown = shown[shown.groupby("unit").cumcount() < drawn]
            _add_maps(blocks, shown, "borderlineMaps", units)
        _add_images(blocks, shown, "borderline", ("pixels", "pixels"), concepts, pictures, units)
    if "counts" in layer.peaks:
        most = _BINS if views * len(units) < _MANY else _FEWER_BINS
        rows = zip(blocks, layer.peaks.to_dict("records"), strict=True)
        for block, row in rows:
            bins = (row["bin_width"], row["first_bin"], row["counts"])
            block["histogram"] = _histogram(*bins, most)
    return blocks


def _unrepeated(
    blocks: list[dict[str, Any]], borderline: pd.DataFrame, top: pd.DataFrame, units: pd.DataFrame
) -> pd.DataFrame:
    """Return borderline images that are no top images of the same unit; count those that are."""
    borderline = borderline.sort_values(["unit", "rank"], kind="stable")
    if "map" not in top:  # they are not shown
        return borderline
    pairs, shown = (pd.MultiIndex.from_frame(each[["unit", "image"]]) for each in (borderline, top))
    is_repeated = pairs.isin(shown)
    for row in _rows(borderline[is_repeated], units):
        blocks[row]["repeated"] = blocks[row].get("repeated", 0) + 1
    return borderline[~is_repeated]


def _add_images(
    blocks: list[dict[str, Any]],
    table: pd.DataFrame,
    name: str,
    number: tuple[str, str],
    concepts: Sequence[int],
    pictures: Pictures,
    units: pd.DataFrame,
) -> None:
    """Add a table's images under a name. number: a column, and the name of its values."""
    column, values_name = number
    table = table.sort_values(["unit", "rank"], kind="stable")
    values = rounded(table[column])
    rows = _rows(table, units)
    for row, image, value in zip(rows, table["image"].tolist(), values, strict=True):
        blocks[row].setdefault(name, []).append(pictures.number_of(image, concepts[row]))
        blocks[row].setdefault(values_name, []).append(value)


def _add_maps(
    blocks: list[dict[str, Any]], table: pd.DataFrame, name: str, units: pd.DataFrame
) -> None:
    """Add a table's maps under a name, if the units' thresholds are known."""
    table = table.sort_values(["unit", "rank"], kind="stable")
    rows = _rows(table, units)
    for row, shape in zip(rows, table[["height", "width"]].to_numpy().tolist(), strict=True):
        blocks[row]["shape"] = shape
    if "threshold" not in units:
        return
    thresholds = units["threshold"].to_numpy(np.float64)[rows]
    for row, each in zip(rows, write_maps(table["map"].tolist(), thresholds), strict=True):
        blocks[row].setdefault(name, []).append(each)


def _rows(table: pd.DataFrame, units: pd.DataFrame) -> list[int]:
    row_of = {unit: row for row, unit in enumerate(units["unit"].tolist())}
    return [row_of[unit] for unit in table["unit"].tolist()]


def _histogram(width: float, first: int, counts: np.ndarray, most: int) -> list[Any]:
    """Return the width of a unit's bins, where the first begins, and the images in each.

    Pairs of bins are joined until there are at most so many.
    """
    last = first + len(counts) - 1
    joined = 0
    while (last >> joined) - (first >> joined) >= most:
        joined += 1
    places = (np.arange(first, last + 1) >> joined) - (first >> joined)
    sums = np.bincount(places, weights=counts).astype(int)
    wide = width * 2**joined
    return [*rounded([wide, (first >> joined) * wide]), sums.tolist()]
