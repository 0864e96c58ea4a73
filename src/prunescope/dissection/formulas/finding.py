"""Which formulas are found for the units of dissected layers, and how good are those of chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from prunescope.base.progress import SILENT, Progress, Task
from prunescope.base.ranks import ALONE, Ranks
from prunescope.dissection.chance.judging import COLUMNS
from prunescope.dissection.chance.shuffle import permuted_sources
from prunescope.dissection.formulas.atoms import LabelsOf, count_atoms
from prunescope.dissection.formulas.search import Fitted, Search
from prunescope.dissection.kept_masks import NOT_WANTED, KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.settings import DissectionSettings
from prunescope.results.dissection import LayerDissection
from prunescope.results.formulas import KEY, best_formulas
from prunescope.results.overlap import Overlap

_MASKS_AT_A_TIME = 1 << 20  # some ten atoms each: about 600 MiB while they are counted


def find_formulas(
    layers: Mapping[str, LayerDissection],
    masks: Mapping[str, KeptMasks],
    label_maps: LabelMaps,
    settings: DissectionSettings,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> dict[str, LayerDissection]:
    """Return layers with the best formulas of their units, up to the length that is asked for.

    masks: of every layer, on all images. label_maps: the labels of all images. ranks: processes
    that share the units, each of which has all masks and labels.
    """
    labelled = _Labelled.of(label_maps, settings)
    return {
        layer: _with_formulas(dissected, masks[layer], labelled, settings, ranks, progress)
        for layer, dissected in layers.items()
    }


@dataclass(frozen=True, kw_only=True)
class _Labelled:
    """The labels that may be in a formula, and where they are.

    chosen: the index of each of their categories among the set's. carried: whether an image carries
    a label of each. category_of: of each label of the set, the index among the chosen ones; 0 for a
    label that is not allowed.
    """

    maps: LabelMaps
    chosen: Sequence[int]
    carried: Bool[np.ndarray, "image category"]
    category_of: Int64[np.ndarray, " label"]
    allowed: Bool[np.ndarray, " label"]

    @classmethod
    def of(cls, maps: LabelMaps, settings: DissectionSettings) -> "_Labelled":
        concepts = maps.concepts
        allowed = settings.categories or concepts.categories
        chosen = [i for i, name in enumerate(concepts.categories) if name in allowed]
        names = [concepts.categories[index] for index in chosen]
        homes = [label.category for label in concepts.labels]
        return cls(
            maps=maps,
            chosen=chosen,
            carried=maps.carried[:, chosen],
            category_of=np.array([names.index(home) if home in names else 0 for home in homes]),
            allowed=np.array([home in names for home in homes]),
        )

    def labels_of(self) -> LabelsOf:
        """Return the labels of every image."""
        return lambda image: [
            part for category, part in self.maps.parts(image).items() if category in self.chosen
        ]

    def permuted(self, draw: int) -> LabelsOf:
        """Return the labels that every image gets in a draw."""
        names = self.maps.concepts.categories
        sources = {
            category: permuted_sources(
                carriers, self.maps.shapes, names[category], range(draw, draw + 1)
            )[0]
            for category, carriers in zip(self.chosen, self.carried.T, strict=True)
        }
        return lambda image: [
            self.maps.of(int(of_category[image]), category)
            for category, of_category in sources.items()
            if of_category[image] >= 0
        ]


def _with_formulas(
    layer: LayerDissection,
    masks: KeptMasks,
    labelled: _Labelled,
    settings: DissectionSettings,
    ranks: Ranks,
    progress: Progress,
) -> LayerDissection:
    part, draws = ranks.part_of(masks.units), settings.formula_draws
    blocks = _blocks(range(part.start, part.stop), masks)
    shown = len(masks.indices) * len(blocks) + sum(map(len, blocks))
    with progress.task(f"formulas of {layer.layer}", (1 + draws) * shown) as task:
        found = _search(masks, labelled, labelled.labels_of(), settings, blocks, task)
        null = [
            _best_upto(
                _search(masks, labelled, labelled.permuted(draw), settings, blocks, task),
                settings.formulas,
            )
            for draw in range(draws)
        ]
    everywhere = ranks.gather((found, null))
    found = [of_unit for of_rank, _ in everywhere for of_unit in of_rank]
    by_draw = [np.concatenate(each) for each in zip(*(n for _, n in everywhere), strict=True)]
    table = _table(found, layer.units["unit"].to_numpy(np.int64), layer.overlap)
    stated: dict[str, Any] = {
        "longest": settings.formulas,
        "beam": settings.beam,
        "draws": draws,
    }
    if draws:
        best = _best_upto(found, settings.formulas)
        table["p"] = _p(best, by_draw)[_cells(found)]
        stated["expected"] = _expected(best, by_draw, settings.iou)
    return replace(
        layer,
        formulas=table,
        units=_with_columns(layer.units, table),
        summary={**layer.summary, KEY: stated},
    )


def _blocks(units: range, masks: KeptMasks) -> list[range]:
    """Return the units in blocks whose masks are not too many."""
    step = max(1, masks.units * _MASKS_AT_A_TIME // max(1, masks.count))
    return [units[start : start + step] for start in range(0, len(units), step)]


def _search(
    masks: KeptMasks,
    labelled: _Labelled,
    labels_of: LabelsOf,
    settings: DissectionSettings,
    blocks: Sequence[range],
    task: Task,
) -> list[list[Fitted]]:
    found = []
    for block in blocks:
        row_of = np.full(masks.units, NOT_WANTED, np.int64)
        row_of[block.start : block.stop] = np.arange(len(block))
        labels = len(labelled.allowed)
        counts = count_atoms(masks, row_of, labels_of, labelled.carried, labels, task)
        search = Search(
            counts,
            labelled.category_of,
            labelled.allowed,
            longest=settings.formulas,
            beam=settings.beam,
        )
        for row in range(len(block)):
            found.append(search.best(row))
            task.advance(note="searching")
    return found


def _best_upto(
    found: Sequence[Sequence[Fitted]], longest: int
) -> Float64[np.ndarray, "unit length"]:
    """Return the highest IoU of the formulas up to each length; 0 without any."""
    ious = np.zeros((len(found), longest))
    for row, of_unit in zip(ious, found, strict=True):
        row[: len(of_unit)] = [each.iou for each in of_unit]
    return np.maximum.accumulate(ious, axis=1)


def _p(
    best: Float64[np.ndarray, "unit length"], by_draw: Sequence[Float64[np.ndarray, "unit length"]]
) -> Float64[np.ndarray, "unit length"]:
    """Return (1 + draws that do as well or better) / (1 + draws)."""
    as_good = np.sum([drawn >= best for drawn in by_draw], axis=0)
    p: Float64[np.ndarray, "unit length"] = (1 + as_good) / (1 + len(by_draw))
    return p


def _expected(
    best: Float64[np.ndarray, "unit length"],
    by_draw: Sequence[Float64[np.ndarray, "unit length"]],
    above: float,
) -> list[dict[str, float]]:
    """Return, for each length, the mean IoU of the draws, and how many units are above one."""
    has_formula, drawn = best[:, 0] > 0, np.stack(by_draw)
    ious = drawn[:, has_formula].mean(axis=(0, 1)) if has_formula.any() else np.zeros(best.shape[1])
    counts = (drawn > above).sum(axis=1).mean(axis=0)
    return [
        {"length": length, "iou": float(iou), "interpretable": float(count)}
        for length, (iou, count) in enumerate(zip(ious, counts, strict=True), start=1)
    ]


def _table(
    found: Sequence[Sequence[Fitted]], numbers: Int64[np.ndarray, " unit"], overlap: Overlap
) -> pd.DataFrame:
    """Return a row for each unit and length: the best formula of that length, and its counts."""
    rows, columns = _cells(found)
    fitted = [each for of_unit in found for each in of_unit]
    names, labels = overlap.label_names, overlap.label_numbers.tolist()
    return pd.DataFrame(
        {
            "unit": numbers[rows],
            "length": columns + 1,
            "formula": pd.array([each.formula.text(names) for each in fitted], dtype="string"),
            "labels": pd.array([each.formula.text(labels) for each in fitted], dtype="string"),
            "iou": np.array([each.iou for each in fitted], np.float64),
            **{
                name: np.array([getattr(each, name) for each in fitted], np.int64)
                for name in ("intersection", "activation", "truth")
            },
        }
    )


def _cells(
    found: Sequence[Sequence[Fitted]],
) -> tuple[Int64[np.ndarray, " row"], Int64[np.ndarray, " row"]]:
    """Return the unit and the length, less one, of every formula."""
    lengths = np.array([len(of_unit) for of_unit in found], np.int64)
    columns = [np.arange(length) for length in lengths.tolist()]
    return (
        np.repeat(np.arange(len(found)), lengths),
        np.concatenate([np.zeros(0, np.int64), *columns]),
    )


def _with_columns(units: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of units with the best formula of each after `dead` and columns of chance."""
    best = best_formulas(table).set_index("unit").reindex(units["unit"])
    columns: dict[str, Any] = {
        "formula": best["formula"].astype("string").array,
        "iou_of_formula": best["iou"].to_numpy(np.float64),
        **({"p_of_formula": best["p"].to_numpy(np.float64)} if "p" in best else {}),
    }
    names = list(units.columns)
    position = 1 + max(names.index(name) for name in ("dead", *COLUMNS) if name in names)
    for offset, name in enumerate(columns):
        names.insert(position + offset, name)
    return units.assign(**columns)[names]
