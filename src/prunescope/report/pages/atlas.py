"""What does a page say of every unit of every layer that it shows?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import convention_of
from prunescope.report.pages.borderline import borderline_images
from prunescope.report.pages.concept_names import ConceptNames
from prunescope.report.pages.maps import write_maps
from prunescope.report.pages.page import rounded, write_chunk
from prunescope.report.pages.pictures import Pictures
from prunescope.results.dissection import LayerDissection

_BLOCK = 128  # units whose images are one chunk
_IMAGES = 8  # of a unit, at most
_BORDERLINE = 4  # more images of it, on which it barely fires
_BUDGET = 40_000_000  # bytes of all maps of a page
_BYTES_PER_CELL = 4 / 3  # in base64
_SHARES = ("interpretable_share", "concept_share")
_NUMBERS = (
    *("iou", "precision", "recall", "f1", "threshold", "iou_2", "iou_3", "p", "label_p"),
    *("pearson", "auprc", "pearson_2", "auprc_2", "pearson_3", "auprc_3"),
    *_SHARES,
)
_FLAGS = ("interpretable", "dead", "discovery", "undecided")


@dataclass(frozen=True, kw_only=True)
class View:
    """One dissected layer that a page shows.

    key: what of, unique among those of a layer; empty where there is one. title: the same for
    readers. facts: more that scripts read: `short`, `replicate`, `track`, `level`.
    layer: its name and results. shares: `ResampledLayer.units`, where images were resampled.
    has_borderline: whether images are shown on which a unit barely fires, too.
    """

    layer: LayerDissection
    key: str = ""
    title: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    shares: pd.DataFrame | None = None
    has_borderline: bool = False


def write_atlas(
    folder: Path,
    views: Sequence[View],
    concepts: ConceptSet | None,
    *,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write the units of all layers, their top images and the masks on them; return the index.

    concepts: the set they were dissected on; None leaves the images blank.
    Raises DataError where a dissection cannot be read.
    """
    names, pictures = ConceptNames(), Pictures(concepts)
    index = []
    with progress.task("Writing the units", len(views)) as task:
        for number, view in enumerate(views):
            index.append(_write_view(folder, number, view, names, pictures, len(views)))
            task.advance()
    pictures.write(folder, names, progress)
    return {"views": index, "concepts": names.as_data()}


def _write_view(
    folder: Path, number: int, view: View, names: ConceptNames, pictures: Pictures, views: int
) -> dict[str, Any]:
    units, layer = view.layer.units, view.layer
    shares = [] if view.shares is None else [view.shares[list(_SHARES)]]
    table = _unit_columns(pd.concat([units.reset_index(drop=True), *shares], axis=1), names)
    write_chunk(folder, f"units-{number}", table)
    blocks = _examples(layer.examples, units, table["concept"], pictures, views)
    if view.has_borderline:
        smallest = borderline_images(layer.images, _BORDERLINE)
        for unit, concept, block in zip(table["unit"], table["concept"], blocks, strict=True):
            images = smallest.get(unit, [])
            block["borderline"] = [pictures.number_of(name, concept) for name, _ in images]
            block["pixels"] = [pixels for _, pixels in images]
    for start in range(0, len(blocks), _BLOCK):
        chunk = blocks[start : start + _BLOCK]
        write_chunk(folder, f"examples-{number}-{start // _BLOCK}", chunk)
    return {
        **{"key": view.key, "title": view.title, "layer": layer.layer, **view.facts},
        **{"units": f"units-{number}", "examples": f"examples-{number}", "block": _BLOCK},
        "halfPixel": convention_of(layer.summary).centring == "half-pixel",
    }


def _unit_columns(units: pd.DataFrame, names: ConceptNames) -> dict[str, list[Any]]:
    """Return a table of units by columns, concepts as their numbers."""
    columns: dict[str, list[Any]] = {"unit": units["unit"].tolist()}
    for place in ("", "_2", "_3"):
        if f"concept{place}" in units:
            pairs = units[f"concept{place}"], units[f"category{place}"]
            columns[f"concept{place}"] = names.codes(*pairs)
    columns |= {name: rounded(units[name]) for name in _NUMBERS if name in units}
    for name in _FLAGS:
        if name in units:
            columns[name] = units[name].fillna(False).astype(int).tolist()
    return columns


def _examples(
    examples: pd.DataFrame,
    units: pd.DataFrame,
    concepts: Sequence[int],
    pictures: Pictures,
    views: int,
) -> list[dict[str, Any]]:
    """Return the top images of every unit, in the table's order."""
    blank: list[dict[str, Any]] = [{"images": []} for _ in range(len(units))]
    if "map" not in examples or examples.empty:
        return blank
    cells = int((examples["height"] * examples["width"]).max())
    each = _BUDGET / (views * len(units) * cells * _BYTES_PER_CELL)
    saved = examples[examples["rank"] < min(_IMAGES, max(1, int(each)))]
    saved = saved.sort_values(["unit", "rank"], kind="stable")
    row_of = {unit: row for row, unit in enumerate(units["unit"].tolist())}
    rows = np.array([row_of[unit] for unit in saved["unit"].tolist()])
    thresholds = units["threshold"].to_numpy(np.float64)[rows] if "threshold" in units else None
    maps: list[str | None] = [None] * len(saved)
    if thresholds is not None:
        maps[:] = write_maps(saved["map"].tolist(), thresholds)
    columns = zip(
        rows.tolist(),
        saved["image"].tolist(),
        rounded(saved["peak"]),
        saved[["height", "width"]].to_numpy().tolist(),
        maps,
        strict=True,
    )
    for row, image, peak, shape, activation in columns:
        unit = blank[row]
        unit["images"].append(pictures.number_of(image, concepts[row]))
        unit.setdefault("peaks", []).append(peak)
        unit["shape"] = shape
        unit.setdefault("maps", []).append(activation)
    return blank
