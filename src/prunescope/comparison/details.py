"""What is known of one unit, and of one concept?"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from prunescope.base.errors import ConfigError, nearest
from prunescope.comparison.outcomes import GAINED, KEPT, LOST, NEITHER, RELABELLED
from prunescope.results.basis import basis_text
from prunescope.results.dissection import LayerDissection
from prunescope.results.formulas import formulas_of
from prunescope.results.opened import is_table
from prunescope.results.run_tables import KEY, LayerKey, RunTables
from prunescope.results.units import categories_of

_OF_A_UNIT = (
    *("unit", "concept", "category", "iou", "interpretable", "dead", "threshold"),
    *("intersection", "activation", "truth", "precision", "recall", "f1"),
    *("pearson", "auprc"),
    *("p", "label_p", "discovery", "undecided"),
)
_OF_A_CONCEPT = ("unit", "iou", "precision", "recall", "f1", "pearson", "auprc", "interpretable")
_RANKS = ("_2", "_3")
_SEEN = ("concept", "category", "iou", "interpretable")
_MOST = 10  # units shown for a concept


def unit_details(layer: LayerDissection, unit: int) -> dict[str, Any]:
    """Return what a layer says of one unit, as plain values; None where something is undefined.

    `next` are its second and third best labels, `formulas` the best of each length (empty where
    none were searched for), `by_category` the best label of each category, `examples` the images on
    which it peaks highest, `words` those that fit it, if it was given any.
    Raises ConfigError for a unit that is not there.
    """
    [row] = layer.rows_of(unit)
    values = layer.units.iloc[row]
    return {
        **_named(layer),
        "above": (layer.summary.get("settings") or {}).get("iou"),
        **{name: _plain(values[name]) for name in _OF_A_UNIT if name in values.index},
        "next": [
            {
                name: _plain(values[f"{name}{rank}"])
                for name in ("concept", "category", "iou", "pearson", "auprc")
                if f"{name}{rank}" in values.index
            }
            for rank in _RANKS
            if f"concept{rank}" in values.index and pd.notna(values[f"concept{rank}"])
        ],
        "formulas": formulas_of(layer.formulas, unit),
        "by_category": {
            category: {
                "concept": _plain(values[f"{category}_label"]),
                "iou": _plain(values[f"{category}_iou"]),
            }
            for category in categories_of(layer.units)
        },
        "examples": [] if is_table(layer) else _examples(layer.examples, unit),
        **(
            {}
            if is_table(layer) or layer.words is None
            else {"words": _words(layer.words.iloc[row])}
        ),
    }


def _named(layer: LayerDissection) -> dict[str, Any]:
    """Return the name of a layer, and along which directions it was dissected, if not by units."""
    along = basis_text(layer.summary)
    return {"layer": layer.layer, **({} if along is None else {"basis": along})}


def concept_details(
    layer: LayerDissection, concept: str, category: str | None = None
) -> dict[str, Any]:
    """Return what a layer says of one concept, as plain values.

    `units` are those whose best label it is, best first; `others` the units that overlap it most
    among the rest, at most ten, where the counts are there.
    category: where labels of several have the name. Raises ConfigError for a name that no label
    has, or that several have.
    """
    found = _labels_named(layer, concept, category)
    named = layer.units[
        (layer.units["concept"] == found["concept"])
        & (layer.units["category"] == found["category"])
    ].sort_values(["iou", "unit"], ascending=[False, True])
    shown = [name for name in _OF_A_CONCEPT if name in named]
    return {
        **_named(layer),
        "above": (layer.summary.get("settings") or {}).get("iou"),
        **found,
        "units": [{name: _plain(row[name]) for name in shown} for row in named.to_dict("records")],
        "others": _others(layer, found, named["unit"].tolist()),
    }


def unit_through_levels(tables: RunTables, layer: str, unit: int) -> list[dict[str, Any]]:
    """Return a row for each level of a run: what one unit sees there, and what became of it.

    `outcome` compares it with level 0 of the same replicate; a unit that was removed sees nothing.
    It is None where the level has other directions in place of units, and `basis` says which.
    Where images were resampled, `interpretable_share`, `concept_share` and `outcome_share` are its
    shares of draws.
    Raises ConfigError for a unit that no level has.
    """
    units = tables.units[(tables.units["layer"] == layer) & (tables.units["unit"] == unit)]
    if units.empty:
        highest = int(tables.units.loc[tables.units["layer"] == layer, "unit"].max())
        raise ConfigError(f"unit {unit} is asked for, but {layer} has units 0 to {highest:,}")
    shares = tables.shares[tables.shares["unit"] == unit].drop(columns="unit")
    units = units.merge(shares, on=KEY, how="left")
    known = [str(name) for name in shares if name not in KEY and len(shares)]
    found = {tuple(row[name] for name in KEY): row for row in units.to_dict("records")}
    rows: list[dict[str, Any]] = []
    before: dict[int, tuple[Any, Any] | None] = {}
    for key in (key for key in tables.keys if key[3] == layer):
        values = found.get(key, {})
        label = (values["category"], values["concept"]) if values.get("interpretable") else None
        if key[2] == 0:
            before[key[0]] = label
        seen = {name: _plain(values.get(name)) for name in (*_SEEN, *known)}
        outcome = outcome_of(before[key[0]], label) if tables.is_paired(key) else None
        rows.append(_of_level(tables, key) | seen | {"outcome": outcome})
    return rows


def concept_through_levels(
    tables: RunTables, layer: str, concept: str, category: str | None = None
) -> list[dict[str, Any]]:
    """Return a row for each level of a run: the interpretable units of one concept there.

    Where images were resampled, `outcome_share` is the share of draws in which what became of it
    since level 0 holds.
    Raises ConfigError for a concept that is the best label of no unit at any level.
    """
    of_layer = tables.units[tables.units["layer"] == layer]
    named = of_layer[of_layer["concept"] == concept]
    homes = sorted(set(named["category"].dropna()))
    if not homes:
        hint = nearest(concept, sorted(set(of_layer["concept"].dropna())))
        raise ConfigError(f'"{concept}" is the best label of no unit of {layer} at any level{hint}')
    chosen = _one_of(homes, concept, category)
    meant = named[(named["category"] == chosen) & named["interpretable"].astype(bool)]
    groups = {cast(LayerKey, key): units for key, units in meant.groupby(KEY)}
    shares = _outcome_shares(tables, layer, concept, chosen)
    rows: list[dict[str, Any]] = []
    before: dict[int, bool] = {}
    for key in (key for key in tables.keys if key[3] == layer):
        units = groups.get(key)
        is_there = units is not None
        if key[2] == 0:
            before[key[0]] = is_there
        seen: dict[str, Any] = {
            **{"concept": concept, "category": chosen},
            **{"units": 0, "best_unit": None, "best_iou": None},
        }
        if units is not None:
            best = units.sort_values(["iou", "unit"], ascending=[False, True]).iloc[0]
            seen |= {"units": len(units), "best_unit": int(best["unit"])}
            seen |= {"best_iou": float(best["iou"])}
        outcome = outcome_of(before[key[0]] or None, is_there or None)
        rows.append(_of_level(tables, key) | seen | shares.get(key, {}) | {"outcome": outcome})
    return rows


def _outcome_shares(
    tables: RunTables, layer: str, concept: str, category: str
) -> dict[LayerKey, dict[str, float | None]]:
    """Return how sure it is what became of a concept at each level; nothing where it is unknown."""
    outcomes = tables.concept_outcomes
    if outcomes.empty:
        return {}
    names = {"layer": layer, "concept": concept, "category": category}
    chosen = outcomes[(outcomes[[*names]] == list(names.values())).all(axis=1)]
    keys = chosen[KEY].itertuples(index=False, name=None)
    found = dict(zip(keys, chosen["share"].tolist(), strict=True))
    return {key: {"outcome_share": found.get(key)} for key in tables.keys}


def _of_level(tables: RunTables, key: LayerKey) -> dict[str, Any]:
    along = basis_text({"basis": tables.bases[key]})
    named = {} if along is None else {"basis": along}
    return {**dict(zip(KEY, key, strict=True)), "keep": tables.number(key, "keep"), **named}


def outcome_of(before: object, after: object) -> str:
    """Return what became of something between two levels. None: it was not there."""
    if before is None:
        return NEITHER if after is None else GAINED
    if after is None:
        return LOST
    return KEPT if before == after else RELABELLED


def _labels_named(layer: LayerDissection, concept: str, category: str | None) -> dict[str, str]:
    names_labels = _names_labels(layer)
    if names_labels:
        overlap = layer.overlap
        homes = (overlap.categories[column] for column in overlap.category_of.tolist())
        labels = list(zip(homes, overlap.label_names, strict=True))
    else:
        pairs = layer.units[["category", "concept"]].dropna().itertuples(index=False, name=None)
        labels = sorted(set(pairs))
    homes_of = sorted({home for home, name in labels if name == concept})
    if not homes_of:
        hint = nearest(concept, [name for _, name in labels])
        raise ConfigError(
            f'no label of {layer.layer} is called "{concept}"{hint}'
            if names_labels
            else f'"{concept}" is the best label of no unit of {layer.layer}{hint}'
        )
    return {"concept": concept, "category": _one_of(homes_of, concept, category)}


def _names_labels(layer: LayerDissection) -> bool:
    """Return whether a layer names all labels of its set, not only the best ones of its units.

    Tables of Network Dissection, and results of earlier versions, do not.
    """
    return not is_table(layer) and len(layer.overlap.label_names) > 0


def _one_of(homes: Sequence[str], concept: str, category: str | None) -> str:
    """Return the category in which a concept is meant.

    Raises ConfigError where it is none of those with such a label, or any of several.
    """
    if category is None and len(homes) > 1:
        raise ConfigError(f'"{concept}" is a label of {" and ".join(homes)}: say which category')
    if category is not None and category not in homes:
        raise ConfigError(f'"{concept}" is a label of {" and ".join(homes)}, not of {category}')
    return category or homes[0]


def _others(
    layer: LayerDissection, found: Mapping[str, str], units: Sequence[int]
) -> list[dict[str, Any]]:
    """Return the units that overlap a label most, without those whose best label it is."""
    if not _names_labels(layer):
        return []
    overlap = layer.overlap
    homes = [overlap.categories[column] for column in overlap.category_of.tolist()]
    column = list(zip(homes, overlap.label_names, strict=True)).index(
        (found["category"], found["concept"])
    )
    ious = overlap.iou[:, column]
    numbers, named = layer.units["unit"].to_numpy(), set(units)
    order = [row for row in np.argsort(-np.nan_to_num(ious), kind="stable") if ious[row] > 0]
    rows = [row for row in order if int(numbers[row]) not in named][:_MOST]
    return [
        {
            "unit": int(numbers[row]),
            "iou": float(ious[row]),
            "concept": _plain(layer.units["concept"].iloc[row]),
        }
        for row in rows
    ]


def _examples(examples: pd.DataFrame, unit: int) -> list[dict[str, Any]]:
    chosen = examples[examples["unit"] == unit].sort_values("rank")
    pairs = zip(chosen["image"], chosen["peak"], strict=True)
    return [{"image": str(image), "peak": float(peak)} for image, peak in pairs]


def _words(row: "pd.Series[Any]") -> dict[str, Any]:
    """Return the words of a unit by either score, best first, and how surely they are its."""
    return {
        key: {
            "best": [
                {"word": str(row[f"{word}{rank}"]), "score": float(row[f"{score}{rank}"])}
                for rank in ("", *_RANKS)
                if pd.notna(row[f"{word}{rank}"])
            ],
            **{
                name: _plain(row[f"{prefix}{name}"]) for name in ("p", "beyond_chance", "undecided")
            },
        }
        for key, word, score, prefix in (
            ("by_wpmi", "word", "wpmi", ""),
            ("by_correlation", "correlated_word", "correlation", "correlation_"),
        )
    }


def _plain(value: Any) -> Any:
    """Return a value of a table as JSON has it; None where it is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
