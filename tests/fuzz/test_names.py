"""Does any name of a concept, a category, an image or a layer reach every result unharmed?"""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import strategies as st

from fuzz.trying import HOSTILE_TEXTS, made_of, texts, tried, try_each
from layers import CATEGORIES, LABELS
from pictured import NAMES, pictured, read_chunk
from prunescope.base.text import printable, printed
from prunescope.report.pages.dissection import write_dissection_page
from prunescope.report.views import as_html, as_text
from prunescope.results.cells import original
from prunescope.results.dissection import Dissection, LayerDissection

UNITS = ({"red": 200}, {"blue": 300}, {"cat": 100, "red": 40}, {}, {"dog": 200})
_NAMES = [label.name for label in LABELS]


class _Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    return page


def named(
    layer: LayerDissection, names: list[str], categories: list[str], images: list[str]
) -> LayerDissection:
    """Return a layer whose labels, categories and images have other names."""
    of_label = dict(zip(_NAMES, names, strict=True))
    of_category = dict(zip(CATEGORIES, categories, strict=True))
    of_image = dict(zip(NAMES, images, strict=True))
    units = layer.units.copy()
    for column in units:
        if re.match(r"(concept|.*_label)", str(column)):
            units[column] = units[column].map(lambda name: of_label.get(name, name))
        if str(column).startswith("category"):
            units[column] = units[column].map(lambda name: of_category.get(name, name))
    prefixes = {
        f"{old}_{end}": f"{new}_{end}"
        for old, new in of_category.items()
        for end in ("label", "iou")
    }
    by_category = {of_category[n]: count for n, count in layer.summary["by_category"].items()}
    return replace(
        layer,
        units=units.rename(columns=prefixes),
        overlap=replace(
            layer.overlap,
            categories=tuple(categories),
            label_names=tuple(names) if layer.overlap.label_names else (),
        ),
        examples=layer.examples.assign(image=layer.examples["image"].map(of_image)),
        summary={**layer.summary, "by_category": by_category},
    )


@tried
def test_any_name_is_shown_as_it_is_and_nothing_else(tmp_path: Path, examples: int) -> None:
    plain = pictured(*UNITS)
    (tmp_path / "plain").mkdir()
    baseline = parsed(as_html(Dissection(layers={"layer4": plain}))).tags
    page = write_dissection_page(
        tmp_path / "plain", Dissection(layers={"layer4": plain}), None, name="plain"
    )
    on_page = parsed(page.read_text("utf-8")).tags
    name = texts().filter(lambda text: text.strip() != "")
    several = [st.lists(name, min_size=n, max_size=n, unique=True) for n in (4, 2, 4)]

    def check(drawn: tuple[list[str], list[str], list[str], str]) -> None:
        names, categories, images, title = drawn
        layer = named(plain, names, categories, images)
        found = Dissection(layers={"layer4": layer})
        text, html = as_text(found), parsed(as_html(found))
        assert printable(text) == text
        assert html.tags == baseline
        assert all(str(printed(each)) in html.text for each in layer.units["concept"].dropna())
        found.save(tmp_path / "D")
        loaded = made_of(lambda: Dissection.load(tmp_path / "D"))
        if loaded is None:
            return
        pd.testing.assert_frame_equal(loaded["layer4"].units, layer.units)
        with (tmp_path / "D/layer4/units.csv").open(newline="", encoding="utf-8") as file:
            written = [original(row["concept"]) for row in csv.DictReader(file)]
        assert written == layer.units["concept"].fillna("").tolist()
        json.loads((tmp_path / "D/layer4/summary.json").read_text())
        page = write_dissection_page(tmp_path / "D", loaded, None, name=title)
        shown = parsed(page.read_text("utf-8"))
        assert shown.tags == on_page
        index = read_chunk(page, "page")
        best = {*layer.units["concept"].dropna()}
        assert {str(printed(each)) for each in best} <= set(index["concepts"]["names"])
        assert {path.name for path in tmp_path.iterdir()} == {"D", "plain"}

    try_each(max(3, examples // 4), st.tuples(*several, name), check)


@pytest.mark.parametrize(
    "name", [*HOSTILE_TEXTS, "../../out", "/tmp/out", "a/b", ".", "..", "a\0b"]
)
def test_the_name_of_a_layer_never_leads_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "room/D").mkdir(parents=True)
    layer = pictured(*UNITS)
    renamed = replace(layer, layer=name, summary={**layer.summary, "layer": None})
    renamed.save(tmp_path / "room/D/layer4")
    made_of(lambda: Dissection.load(tmp_path / "room/D").save(tmp_path / "room/other"))
    made_of(lambda: Dissection(layers={name: layer}).save(tmp_path / "room/made"))
    assert {path.name for path in tmp_path.iterdir()} == {"room"}
    assert {path.name for path in (tmp_path / "room").iterdir()} <= {"D", "other", "made"}
