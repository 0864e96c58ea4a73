"""What does the page of a single dissection say?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.folders import replacing
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.formula_views import search_text
from prunescope.report.pages.atlas import View, write_atlas
from prunescope.report.pages.page import (
    Page,
    PageSection,
    rounded,
    template_html,
    write_page,
)
from prunescope.report.views import layer_sections
from prunescope.results.basis import basis_text
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.kinds import is_page
from prunescope.results.labelled_by import LABELLED_BY, labelled_by_text
from prunescope.results.layout import ASSETS, PAGE, REPORT
from prunescope.results.left_out import LEFT_OUT, left_out_text, names_left_out
from prunescope.results.opened import open_dissection
from prunescope.results.units import by_layer
from prunescope.results.words import OF_WORDS
from prunescope.statistics.by_image import has_counts_by_image
from prunescope.statistics.resampled import ResampledLayer, resample
from prunescope.statistics.settings import ResamplingSettings
from prunescope.version import __version__

_EMBEDDED = "scenes"  # the concept set that is always at hand
_SETTINGS = {
    "quantile": "Share of cells above a threshold",
    "iou": "Interpretable above IoU",
    "categories": "Categories",
    "precision": "Precision",
    "arithmetic": "Arithmetic",
    "null": "Draws of chance",
}
_WORDS = {"file": "Words", "encoder": "Encoder", "draws": "Draws of chance for words"}


def report_dissection(
    folder: Path, source: str | None, *, name: str = "", progress: Progress = SILENT
) -> Path:
    """Write the page of a saved dissection into `report` beside its layers; return its path.

    source: the concept set it was made on, as for `open_concepts`; None takes the embedded one
    where it was that, and leaves images blank where not. name: else that of the folder.
    Raises ConfigError where the page cannot be there, DataError for another concept set, or a
    dissection that cannot be read.
    """
    dissection = open_dissection(folder)
    out = folder / REPORT
    if REPORT in dissection.layers or (out.exists() and not is_page(out)):
        raise ConfigError(f"{out} is no page: move it, so that the page can be there")
    concepts = images_of([dissection], source, progress)
    if concepts is not None:
        _check_images(dissection, concepts, folder)
    name = name or folder.resolve().name
    return write_dissection_page(folder, dissection, concepts, name=name, progress=progress)


def images_of(
    dissections: Sequence[Dissection], source: str | None, progress: Progress = SILENT
) -> ConceptSet | None:
    """Return the concept set of dissections: a source's, or the embedded one if it was that."""
    layers = [layer for dissection in dissections for layer in dissection.layers.values()]
    if source is None and {_set_of(layer).get("name") for layer in layers} == {_EMBEDDED}:
        source = _EMBEDDED
    skip_broken = any(layer.summary.get(LEFT_OUT) for layer in layers)
    return (
        None
        if source is None
        else open_concepts(source, skip_broken=skip_broken, progress=progress)
    )


def _check_images(dissection: Dissection, concepts: ConceptSet, folder: Path) -> None:
    """Raise DataError where a set has none of the images that the dissection shows."""
    shown = {name for layer in dissection.layers.values() for name in layer.examples["image"]}
    if shown and not shown & set(concepts.images):
        raise DataError(
            f"{concepts.name} has none of the images of {folder}, such as {min(shown)}: give the "
            "concept set it was dissected on"
        )


def _set_of(layer: LayerDissection) -> Mapping[str, Any]:
    return layer.summary.get("concept_set") or {}


def write_dissection_page(
    folder: Path,
    dissection: Dissection,
    concepts: ConceptSet | None,
    *,
    name: str,
    progress: Progress = SILENT,
) -> Path:
    """Write the page of a dissection into `report` of its folder; return the page's path.

    concepts: the set it was made on; without it, masks are drawn on blank images.
    name: of the network, or of the folder. A page that is there is replaced as a whole.
    """
    resampled = {name: _resampled(layer) for name, layer in dissection.layers.items()}
    views = [
        View(
            layer=layer,
            shares=drawn.units if (drawn := resampled[name]) else None,
            has_borderline=has_counts_by_image(layer),
        )
        for name, layer in dissection.layers.items()
    ]
    counts = {
        name: drawn.summary() if (drawn := resampled[name]) else layer.counts()
        for name, layer in dissection.layers.items()
    }
    out = folder / REPORT
    with replacing(out) as draft:
        (draft / ASSETS).mkdir()
        atlas = write_atlas(draft, views, concepts, progress=progress)
        page = Page(
            title=name,
            lead="What does each unit of the network see?",
            sections=list(_sections(dissection, by_layer(counts))),
            data=atlas,
        )
        write_page(draft, page)
    return out / PAGE


def _resampled(layer: LayerDissection) -> ResampledLayer | None:
    """Return how sure a layer's counts are; None where what each image added was not saved."""
    return resample(layer, ResamplingSettings()) if has_counts_by_image(layer) else None


def _sections(dissection: Dissection, counts: Mapping[str, Any]) -> Iterator[PageSection]:
    layers = dissection.layers
    charts = {
        name: [
            {"place": f"curve-{number}-{index}", **chart}
            for index, chart in enumerate(_curves(layer))
        ]
        for number, (name, layer) in enumerate(layers.items())
    }
    yield PageSection(
        anchor="overview",
        title="Overview",
        html=template_html(
            "pages/overview.html",
            parts=layer_sections(counts),
            charts=[[chart["place"] for chart in of_layer] for of_layer in charts.values()],
        ),
        data={"charts": [chart for of_layer in charts.values() for chart in of_layer]},
    )
    yield from atlas_sections()
    yield made_section({name: conditions_of(layer) for name, layer in layers.items()})


def atlas_sections() -> Iterator[PageSection]:
    """Yield the sections of units and concepts, whose tables a script fills."""
    for anchor, title, place in (
        ("units", "Units", "unit-table"),
        ("concepts", "Concepts", "concept-table"),
    ):
        html = template_html("pages/atlas.html", place=place)
        yield PageSection(anchor=anchor, title=title, html=html)


def made_section(
    made: Mapping[str, Mapping[str, str]],
    folded: Mapping[str, Mapping[str, str]] | None = None,
    recipe: str = "",
) -> PageSection:
    """Return the section of facts by title. folded: more of them, to be unfolded, as is a recipe.

    recipe: of a study, in whose run folder there is more.
    """
    html = template_html("pages/made.html", made=made, folded=folded or {}, recipe=recipe)
    return PageSection(anchor="made", title="How it was made", html=html)


def _curves(layer: LayerDissection) -> Iterator[Mapping[str, Any]]:
    """Yield charts of units and concepts over IoU thresholds and, if there are several, quantiles.

    Axes are those of chart.js.
    """
    curve, of_quantiles = layer.curve(), layer.quantile_curve()
    ious = {"title": "IoU above which a unit is interpretable", "kind": "share"}
    yield _chart(f"{layer.layer}: above which IoU", ious, rounded(curve["iou"]), curve)
    if of_quantiles is not None:
        shares = {"title": "Share of cells above the threshold", "kind": "share", "log": True}
        quantiles = of_quantiles["quantile"].tolist()
        yield _chart(f"{layer.layer}: at which quantile", shares, quantiles, of_quantiles)


def _chart(
    title: str, x: Mapping[str, Any], values: Sequence[float | None], curve: pd.DataFrame
) -> Mapping[str, Any]:
    curves = [
        {"title": word, "x": values, "y": curve[column].tolist(), "colour": colour}
        for colour, (column, word) in enumerate(
            [("interpretable", "units"), ("concepts", "concepts")]
        )
    ]
    choice = {"title": title, "y": {"title": "Count", "kind": "count"}, "curves": curves}
    return {"title": title, "x": x, "choices": [choice]}


def conditions_of(layer: LayerDissection) -> dict[str, str]:
    """Return under which conditions a layer was dissected, in words."""
    summary = layer.summary
    settings, known = summary.get("settings") or {}, summary.get("input") or {}
    source = _set_of(layer)
    found = {
        "Concept set": source.get("name"),
        "Its fingerprint": source.get("fingerprint"),
        "Images": summary.get("images"),
        "Labels": labelled_by_text(summary.get(LABELLED_BY)),
        "Left out": left_out_text(names_left_out(summary)),
        "Convention": summary.get("convention"),
        "Rows": basis_text(summary),
        "Input": _input_text(known),
        **{title: settings.get(name) for name, title in _SETTINGS.items()},
        "Formulas": search_text(summary),
        **{title: (summary.get(OF_WORDS) or {}).get(name) for name, title in _WORDS.items()},
        "Page written by": f"Prunescope {__version__}",
    }
    return {title: _text(value) for title, value in found.items() if value is not None}


def _input_text(known: Mapping[str, Any]) -> str | None:
    if known.get("resolution") is None:
        return None
    mean, std = (", ".join(f"{value:g}" for value in known[name]) for name in ("mean", "std"))
    return f"{known['resolution']} pixels a side, mean {mean}, std {std}"


def _text(value: Any) -> str:
    match value:
        case list():
            return ", ".join(map(str, value))
        case int() if not isinstance(value, bool):
            return f"{value:,}"
    return str(value)
