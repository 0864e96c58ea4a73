"""Can two dissected layers be compared, and what besides the network differs between them?"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted
from prunescope.results.basis import basis_text
from prunescope.results.dissection import LayerDissection
from prunescope.results.left_out import left_out_text, names_left_out
from prunescope.results.opened import is_table
from prunescope.results.units import categories_of

_CONDITIONS = {
    "quantile": ("settings", "quantile"),
    "input resolution": ("input", "resolution"),
    "input mean": ("input", "mean"),
    "input standard deviation": ("input", "std"),
    "precision": ("settings", "precision"),
    "arithmetic": ("settings", "arithmetic"),
    "channels-last": ("settings", "channels_last"),
    "convention": ("convention",),
}
_UNSTATED = {"arithmetic": "plain"}
"""What held in dissections that are older than a setting, where they do not lack it."""


def check_comparable(a: LayerDissection, b: LayerDissection) -> list[str]:
    """Return what besides the network differs between two layers: a sentence for each.

    Raises ConfigError where their concepts are not the same: another concept set (by fingerprint;
    between tables of Network Dissection, which have none, by the pixels of their labels) or
    other categories to choose from.
    """
    _check_sets(a, b)
    _check_categories(a, b)
    if is_table(a) or is_table(b):
        _check_labels(a, b)
    return list(_differences(a, b))


def _check_sets(a: LayerDissection, b: LayerDissection) -> None:
    set_a, set_b = (side.summary.get("concept_set") for side in (a, b))
    if set_a is None or set_b is None or set_a["fingerprint"] == set_b["fingerprint"]:
        return
    left_out = names_left_out(a.summary) != names_left_out(b.summary)
    raise ConfigError(
        f"A was dissected on {_set_text(a)}, B on {_set_text(b)}: another set, other images of it "
        "or another --mask-size, so its concepts cannot be compared; dissect one of them again as "
        "the other was" + (", on the same files: they leave out other images" if left_out else "")
    )


def _check_categories(a: LayerDissection, b: LayerDissection) -> None:
    categories_a, categories_b = categories_of(a.units), categories_of(b.units)
    if set(categories_a) != set(categories_b):
        raise ConfigError(
            f"A's units chose among the categories {', '.join(categories_a)}, B's among "
            f"{', '.join(categories_b)}: give both dissections the same (--categories)"
        )


def _check_labels(a: LayerDissection, b: LayerDissection) -> None:
    if not _labels(a.units) & _labels(b.units):
        raise ConfigError(
            "no label is named in both A and B: they are not of the same concept set, so they "
            "cannot be compared"
        )
    if is_table(a) and is_table(b):
        truth_a, truth_b = _truth(a.units), _truth(b.units)
        for label in sorted(truth_a.keys() & truth_b.keys()):
            if truth_a[label] != truth_b[label]:
                raise ConfigError(
                    f'"{label[1]}" has {truth_a[label]:,} pixels in A but {truth_b[label]:,} in B: '
                    "they were counted on other images, so they cannot be compared"
                )


def has_same_basis(a: LayerDissection, b: LayerDissection) -> bool:
    """Return whether two layers were dissected along the same directions, or both unit by unit."""
    first, second = ((side.summary.get("basis") or {}).get("fingerprint") for side in (a, b))
    return bool(first == second)


def _differences(a: LayerDissection, b: LayerDissection) -> Iterator[str]:
    if is_table(a) != is_table(b):
        yield (
            "one side is a table of Network Dissection, which may count by other conventions (its "
            "quantile, and pixels in two planes) and does not say on which images"
        )
        return
    for name, path in _CONDITIONS.items():
        value_a, value_b = (_look_up(side.summary, path) or _UNSTATED.get(name) for side in (a, b))
        if value_a != value_b:
            yield f"the {name} differs: {_text(value_a)} in A, {_text(value_b)} in B"
    yield from _left_out(a, b)
    if not has_same_basis(a, b):
        along_a, along_b = (basis_text(side.summary) or "units" for side in (a, b))
        others = ", which are other ones" if along_a == along_b else ""
        yield f"A's rows are {along_a}, B's {along_b}{others}"


def _set_text(side: LayerDissection) -> str:
    concepts = side.summary["concept_set"]
    images = side.summary.get("images", 0)
    size = counted(images, "image")
    left_out = left_out_text(names_left_out(side.summary))
    but = "" if left_out is None else f"; {left_out}"
    return f"{concepts['name']} ({size}, fingerprint {concepts['fingerprint'][:8]}{but})"


def _left_out(a: LayerDissection, b: LayerDissection) -> Iterator[str]:
    """Say which broken images are left out: of images that are counted, both have the same."""
    text_a, text_b = (left_out_text(names_left_out(side.summary)) for side in (a, b))
    if text_a == text_b and text_a is not None:
        yield f"in A and B, {text_a}"
    elif text_a != text_b:
        yield f"in A, {text_a or 'no image was left out'}; in B, {text_b or 'none was left out'}"


def _labels(units: pd.DataFrame) -> set[tuple[str, str]]:
    return {
        (category, str(name))
        for category in categories_of(units)
        for name in units[f"{category}_label"].dropna().unique()
    }


def _truth(units: pd.DataFrame) -> dict[tuple[str, str], int]:
    named = units.dropna(subset=["concept"])
    keys = zip(named["category"], named["concept"], strict=True)
    return dict(zip(keys, (int(count) for count in named["truth"]), strict=True))


def _look_up(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for key in path:
        values = values.get(key) or {}
    return values or None


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(f"{part:g}" for part in value)
    return "not stated" if value is None else str(value)
