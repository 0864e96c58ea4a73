"""What does a page say of every unit of every layer that it shows?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import convention_of
from prunescope.report.pages.concept_names import ConceptNames
from prunescope.report.pages.page import rounded, write_chunk
from prunescope.report.pages.pictures import Pictures
from prunescope.report.pages.unit_images import unit_images
from prunescope.results.basis import basis_text
from prunescope.results.dissection import LayerDissection
from prunescope.statistics.resampled import OUTCOME_SHARE, UNIT_SHARES

_BLOCK = 128  # units whose images are one chunk
_NUMBERS = (
    *("iou", "precision", "recall", "f1", "threshold", "iou_2", "iou_3", "p", "label_p"),
    *("pearson", "auprc", "pearson_2", "auprc_2", "pearson_3", "auprc_3"),
    *UNIT_SHARES,
    OUTCOME_SHARE,
)
_FLAGS = ("interpretable", "dead", "discovery", "undecided")


@dataclass(frozen=True, kw_only=True)
class View:
    """One dissected layer that a page shows.

    key: what of, unique among those of a layer; empty where there is one. title: the same for
    readers. facts: more that scripts read: `short`, `replicate`, `track`, and
    `starts` where others of the replicate are compared with it.
    layer: its name and results. shares: of the draws of each of its units, where images were
    resampled: `unit`, the columns of `ResampledLayer.units`, and OUTCOME_SHARE.
    concepts: what became of each concept, and how surely: `category`, `concept` and `share`.
    has_borderline: whether the images on which a unit barely fires are looked for where a result of
    an earlier version does not name them.
    """

    layer: LayerDissection
    key: str = ""
    title: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    shares: pd.DataFrame | None = None
    concepts: pd.DataFrame | None = None
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
    if view.shares is not None:
        shares = [name for name in (*UNIT_SHARES, OUTCOME_SHARE) if name in view.shares]
        units = units.merge(view.shares[["unit", *shares]], on="unit", how="left")
    table = _unit_columns(units, names)
    if layer.words is not None:
        table |= _word_columns(layer.words)
    if view.concepts is not None and len(view.concepts):
        pairs = view.concepts["concept"], view.concepts["category"]
        table["outcome_concept"] = names.codes(*pairs)
        table["outcome_concept_share"] = rounded(view.concepts["share"])
    if layer.formulas is not None:
        table["formulas"] = _longer_formulas(layer.formulas, table["unit"])
    write_chunk(folder, f"units-{number}", table)
    blocks = unit_images(
        layer, table["concept"], pictures, has_borderline=view.has_borderline, views=views
    )
    for start in range(0, len(blocks), _BLOCK):
        chunk = blocks[start : start + _BLOCK]
        write_chunk(folder, f"examples-{number}-{start // _BLOCK}", chunk)
    return {
        **{"key": view.key, "title": view.title, "layer": layer.layer, **view.facts},
        **_about(layer),
        **{"units": f"units-{number}", "examples": f"examples-{number}", "block": _BLOCK},
        "halfPixel": convention_of(layer.summary).centring == "half-pixel",
    }


def _longer_formulas(table: pd.DataFrame, units: Sequence[int]) -> list[Any]:
    """Return for each unit the best formulas of more than one label: length, text and IoU."""
    of_unit: dict[int, list[Any]] = {unit: [] for unit in units}
    longer = table[table["length"] > 1].sort_values(["unit", "length"])
    columns = (longer["unit"], longer["length"], longer["formula"], rounded(longer["iou"]))
    for unit, length, formula, iou in zip(*columns, strict=True):
        of_unit[int(unit)].append([int(length), str(formula), iou])
    return list(of_unit.values())


def _about(layer: LayerDissection) -> dict[str, Any]:
    """Return on how many images a layer was dissected, and along which directions, if not units."""
    along = basis_text(layer.summary)
    named = {} if along is None else {"basis": along, "axes": layer.summary["basis"]["fingerprint"]}
    return {"images": layer.summary.get("images"), **named}


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


def _word_columns(words: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the best words of units by columns, None where a unit has none."""
    named = {
        name: words[name].astype(object).where(words[name].notna(), None).tolist()
        for name in ("word", "correlated_word")
    }
    scores = {name: rounded(words[name]) for name in ("wpmi", "correlation", "correlation_p")}
    return {**named, **scores, "word_p": rounded(words["p"])}
