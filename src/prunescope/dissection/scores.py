"""Which concept is each unit's, and how well does it fit?"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import on_one_line
from prunescope.dissection.settings import DissectionSettings, ScoresOnly
from prunescope.results.association import Association
from prunescope.results.counts import LayerCounts
from prunescope.results.dissection import LayerDissection
from prunescope.results.overlap import Overlap
from prunescope.results.quantiles import IOU, LABEL
from prunescope.results.units import UNIT_NUMBERS, count_units, unit_numbers

NO_LABEL = -1
_RANKS = 3  # best labels of each unit

Best: TypeAlias = tuple[Int64[np.ndarray, " unit"], Float64[np.ndarray, " unit"]]
"""The columns of units' best labels, and their IoUs."""


def score_layer(
    counts: LayerCounts, settings: DissectionSettings, concept_set: str
) -> LayerDissection:
    """Return a counted layer with its scores, which depend on the settings that are `ScoresOnly`.

    concept_set: its name, for messages. Raises ConfigError as `allowed_categories` does.
    """
    overlap = counts.overlap
    categories = allowed_categories(settings, overlap.categories, concept_set)
    units = score_units(
        overlap, iou=settings.iou, categories=categories, association=counts.association
    )
    units["unit"] = unit_numbers(counts.layer, counts.conditions.get(UNIT_NUMBERS), len(units))
    used = settings.model_copy(update={"categories": categories})
    of_scores = used.model_dump(mode="json", include=set(settings.marked(ScoresOnly)))
    summary = {
        **count_units(units, categories or overlap.categories),
        **({"chance": {}} if settings.null else {}),
        **counts.conditions,
        "settings": counts.conditions["settings"] | of_scores,
    }
    return LayerDissection(
        layer=counts.layer,
        units=units,
        overlap=overlap,
        examples=counts.examples,
        images=counts.images,
        borderline=counts.borderline,
        peaks=counts.peaks,
        summary=summary,
        basis=counts.basis,
        quantiles=counts.quantiles,
    )


def allowed_categories(
    settings: DissectionSettings, categories: Sequence[str], concept_set: str
) -> tuple[str, ...] | None:
    """Return the categories whose labels may be a concept: those stated, or the convention's.

    None stands for all. categories: of the concept set, whose name is for messages.
    Raises ConfigError for a category that the set lacks, and where the convention leaves none.
    """
    if settings.categories is None:
        if not categories:  # of a set without labels
            return None
        return settings.rules.categories_of(tuple(categories))
    for category in settings.categories:
        if category not in categories:
            hint = nearest(category, categories)
            available = on_one_line(", ".join(categories))
            raise ConfigError(
                f'categories names "{category}"{hint}, but {concept_set} has {available}'
            )
    return settings.categories


def score_units(
    overlap: Overlap,
    *,
    iou: float,
    categories: Sequence[str] | None = None,
    association: Association | None = None,
) -> pd.DataFrame:
    """Return one row per unit: its best concepts, the counts behind the first, interpretable, dead.

    iou: interpretable is strictly above it.
    categories: only their labels may be a concept; all of the overlap when None.
    A tie goes to the lower label number. `label`, `concept`, `category`, the counts and what
    follows from them are missing where the unit has no concept: it is dead (`iou` is nan) or its
    best IoU is 0. `precision` is I / A, `recall` I / G, `f1` 2 I / (A + G) of the best label.
    `concept_2`, `category_2` and `iou_2` are the second best label's, `..._3` the third best's; NA
    where its IoU is 0. `pearson` and `auprc`, `pearson_2` and so on are those of the association
    with these labels, if it was measured. For every category C, `C_label` and `C_iou` are its best
    label and IoU; nan if C has no label to compare.
    """
    chosen = tuple(overlap.categories if categories is None else categories)
    category_of, allowed = overlap.category_of, overlap.allowed(chosen)
    of_category = [category_of == overlap.categories.index(name) for name in chosen]

    def best_of(ious: Float64[np.ndarray, "unit label"]) -> list[Best]:
        ranked = ranked_labels(np.where(allowed, ious, np.nan))
        return ranked + _best_of_each(of_category, ious)

    names = np.array(overlap.label_names, object)
    homes = np.array(overlap.categories, object)[category_of]
    (best, best_iou), *others = best_in_blocks(overlap, best_of)
    others, within = others[: _RANKS - 1], others[_RANKS - 1 :]
    counts = _counts(overlap, best)
    columns: dict[str, Any] = {
        "unit": np.arange(len(best)),
        "label": _pick(overlap.label_numbers, best, "Int64"),
        "concept": _pick(names, best, "string"),
        "category": _pick(homes, best, "string"),
        "iou": best_iou,
        "threshold": overlap.thresholds,
        **counts,
        **_quotients(**counts),
        **_measures(association, overlap, best),
        "interpretable": best_iou > iou,
        "dead": overlap.dead,
    }
    for rank, (column, value) in enumerate(others, start=2):
        columns[f"concept_{rank}"] = _pick(names, column, "string")
        columns[f"category_{rank}"] = _pick(homes, column, "string")
        columns[f"iou_{rank}"] = np.where(column == NO_LABEL, np.nan, value)
        columns |= _measures(association, overlap, column, f"_{rank}")
    for name, (column, value) in zip(chosen, within, strict=True):
        columns[f"{name}_label"] = _pick(names, column, "string")
        columns[f"{name}_iou"] = value
    return pd.DataFrame(columns)


def score_quantiles(
    overlaps: Mapping[float, Overlap], numbers: Int64[np.ndarray, " unit"]
) -> pd.DataFrame | None:
    """Return a row per quantile and unit, for each category C its best label `C_label`, `C_iou`.

    overlaps: by quantile; None is returned without any. numbers: of the units. Labels are numbers,
    NA where none overlaps; IoUs are nan as in `score_units`.
    """
    tables = []
    for quantile, overlap in sorted(overlaps.items()):
        columns: dict[str, Any] = {"quantile": quantile, "unit": numbers}
        columns["threshold"] = overlap.thresholds
        homes = [overlap.category_of == index for index in range(len(overlap.categories))]
        found = best_in_blocks(overlap, partial(_best_of_each, homes))
        for name, (best, value) in zip(overlap.categories, found, strict=True):
            columns[f"{name}{LABEL}"] = _pick(overlap.label_numbers, best, "Int64")
            columns[f"{name}{IOU}"] = value
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True) if tables else None


def best_in_blocks(
    overlap: Overlap, best_of: Callable[[Float64[np.ndarray, "unit label"]], list[Best]]
) -> list[Best]:
    """Return what a function finds for all units, which it is given some at a time.

    best_of: returns columns and values of the best labels in one way or several.
    """
    blocks = [best_of(ious) for ious in overlap.iou_in_blocks()]
    return [
        (np.concatenate([column for column, _ in of_way]), np.concatenate([v for _, v in of_way]))
        for of_way in zip(*blocks, strict=True)
    ]


def _best_of_each(
    categories: Sequence[Bool[np.ndarray, " label"]], ious: Float64[np.ndarray, "unit label"]
) -> list[Best]:
    return [best_labels(ious, category) for category in categories]


def best_labels(ious: Float64[np.ndarray, "unit label"], allowed: np.ndarray) -> Best:
    """Return the column and the value of the highest IoU among the allowed labels.

    A tie goes to the first. NO_LABEL where the highest is 0, or where none is defined (nan).
    """
    candidates = np.where(allowed & ~np.isnan(ious), ious, -1.0)
    candidates = np.column_stack([candidates, np.full(len(ious), -1.0)])
    column, value = candidates.argmax(axis=1), candidates.max(axis=1)
    return np.where(value > 0, column, NO_LABEL), np.where(value < 0, np.nan, value)


def ranked_labels(ious: Float64[np.ndarray, "unit label"]) -> list[Best]:
    """Return the best labels, the second best and the third best, each as `best_labels` does.

    ious: nan where a label is not allowed.
    """
    left, units = ious.copy(), np.arange(len(ious))
    ranked = []
    for _ in range(_RANKS):
        column, value = best_labels(left, np.ones(left.shape[1], bool))
        ranked.append((column, value))
        found = column != NO_LABEL
        left[units[found], column[found]] = np.nan
    return ranked


def _quotients(intersection: Any, activation: Any, truth: Any) -> dict[str, Any]:
    """Return precision, recall and F1 of counts, NA where these are."""
    quotients = {
        "precision": intersection / activation,
        "recall": intersection / truth,
        "f1": 2 * intersection / (activation + truth),
    }
    return {name: each.to_numpy(float, na_value=np.nan) for name, each in quotients.items()}


def _measures(
    association: Association | None,
    overlap: Overlap,
    labels: Int64[np.ndarray, " unit"],
    ending: str = "",
) -> dict[str, Any]:
    """Return the columns of the association with a label of every unit; none if not measured."""
    if association is None:
        return {}
    measures = association.of(pd.Series(_pick(overlap.label_numbers, labels, "Int64")))
    return {f"{name}{ending}": values for name, values in measures.items()}


def _counts(overlap: Overlap, best: Int64[np.ndarray, " unit"]) -> dict[str, Any]:
    units = np.arange(len(best))
    if len(overlap.truth) == 0:  # of a set without labels
        none = np.zeros(0)
        return {n: _pick(none, best, "Int64") for n in ("intersection", "activation", "truth")}
    counts = {
        "intersection": overlap.intersection[units, best],
        "activation": overlap.activation[units, overlap.category_of[best]],
        "truth": overlap.truth[best],
    }
    return {name: _mask(values, best, "Int64") for name, values in counts.items()}


def _pick(values: np.ndarray, columns: Int64[np.ndarray, " unit"], dtype: str) -> Any:
    if len(values) == 0:  # of a set without labels
        missing: list[Any] = [pd.NA] * len(columns)
        return _as_array(missing, dtype)
    return _mask(values[columns], columns, dtype)


def _mask(values: np.ndarray, columns: Int64[np.ndarray, " unit"], dtype: str) -> Any:
    array = _as_array(values.tolist(), dtype)
    array[columns == NO_LABEL] = pd.NA
    return array


def _as_array(values: list[Any], dtype: Any) -> Any:
    return pd.array(values, dtype=dtype)
