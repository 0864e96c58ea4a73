import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from pictured import figures_of, read_chunk
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.pages.study import write_study_page
from prunescope.report.panels import Shown
from prunescope.results.layout import LevelKey

VOID = {"meta", "img", "source", "br", "link", "rect"}


class Outline(HTMLParser):
    """Collects a page's elements, and refuses one that is not closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(
    levels: pd.DataFrame,
    dissected: dict[LevelKey, list[Path]],
    photographs: ConceptSet,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return write_study_page(
        tmp_path_factory.mktemp("run") / "report",
        name="small & <quick>",
        facts={"Network": "cifar_resnet20", "Data": "<b>ours</b>"},
        shown=Shown(levels=levels),
        figures=figures_of(Shown(levels=levels)),
        verdicts={},
        dissections=dissected,
        concepts=photographs,
    )


@pytest.fixture(scope="module")
def outline(page: Path) -> Outline:
    return Outline(page.read_text())


def test_every_file_that_the_page_names_is_there(page: Path, outline: Outline) -> None:
    named = [image["src"] for image in [*outline.all("img"), *outline.all("script")]]
    named += [source["srcset"] for source in outline.all("source")]
    named += [link["href"] for link in outline.all("link")]
    assert all((page.parent / str(name)).is_file() for name in named)
    index = read_chunk(page, "page")
    chunks = {table["place"] for table in index["tables"]} if "tables" in index else set()
    chunks |= {view["units"] for view in index["views"]} | {"page", "images", "regions-0"}
    chunks |= {f"{view['examples']}-0" for view in index["views"]}
    written = {path.name for path in page.parent.glob("assets/data-*.js")}
    assert written == {f"data-{name}.js" for name in chunks}


def test_what_the_user_named_is_text_and_not_markup(page: Path, outline: Outline) -> None:
    text = page.read_text()
    assert "small &amp; &lt;quick&gt;" in text
    assert "<b>" not in text
    assert "<b>ours</b>" in outline.words
    assert "<b>.png" in read_chunk(page, "images")["names"]


def test_pictures_have_alternatives_and_tables_have_headers(outline: Outline) -> None:
    assert all(image.get("alt") for image in outline.all("img"))
    assert all(header.get("scope") for header in outline.all("th"))
    assert len(outline.all("caption")) == len(outline.all("table")) == 3
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == len(outline.all("main")) == 1


def test_every_table_is_rectangular(page: Path) -> None:
    for table in re.findall(r'<table class="levels">.*?</table>', page.read_text(), re.DOTALL):
        widths = {
            len(re.findall("<t[hd]", row))
            for row in re.findall(r"<tr>.*?</tr>", table.split("</thead>")[1], re.DOTALL)
        }
        assert widths == {8 + 3}


def test_every_level_has_its_units(page: Path, levels: pd.DataFrame) -> None:
    views = read_chunk(page, "page")["views"]
    assert len(views) == 2 * 3 * 2
    assert [view["key"] for view in views[:3:2]] == ["0/dense/0", "0/rewind/1"]
    assert views[2]["title"] == "replicate 0, rewind, level 1, 64 %"
    assert read_chunk(page, views[2]["units"])["iou"] == [0.2, 0.3, None, 0.02]


def test_curves_are_those_of_the_levels(page: Path, levels: pd.DataFrame) -> None:
    charts = {chart["place"]: chart for chart in read_chunk(page, "page")["charts"]}
    [accuracy] = charts["curves-fig1-accuracy"]["choices"]
    [curve] = accuracy["curves"]
    means = levels[levels["layer"] == "layer4"].groupby("level")["accuracy"].mean()
    assert curve["y"] == pytest.approx(means.tolist())
    assert [each["title"] for each in accuracy["each"]] == ["replicate 0", "replicate 1"]
    titles = [choice["title"] for choice in charts["curves-fig2-interpretability"]["choices"]]
    assert titles[:2] == ["Interpretable units, layer4", "Distinct concepts, layer4"]


def test_figures_come_in_a_light_and_a_dark_drawing(outline: Outline) -> None:
    pictures = outline.all("source")
    assert [str(picture["srcset"]).partition("-")[0] for picture in pictures] == [
        "assets/fig1_accuracy",
        "assets/fig2_interpretability",
        "assets/fig3_taxonomy",
        "assets/fig4_consistency",
        "assets/layers",
    ]
    assert {picture["media"] for picture in pictures} == {"(prefers-color-scheme: dark)"}


def test_it_says_how_it_was_made(
    levels: pd.DataFrame, photographs: ConceptSet, tmp_path: Path
) -> None:
    page = write_study_page(
        tmp_path / "report",
        name="small",
        facts={"Network": "cifar_resnet20"},
        shown=Shown(levels=levels),
        figures=figures_of(Shown(levels=levels)),
        verdicts={},
        dissections={},
        concepts=photographs,
        made={"Seeds": {"Replicate 0": "init 17"}, "Hashes": {"Concept set": "5" * 64}},
        recipe="name: <small>",
    )
    outline = Outline(page.read_text())
    said = " ".join(" ".join(outline.words).split())
    assert "Seeds Replicate 0 init 17" in said
    assert f"Concept set {'5' * 64}" in said
    assert "name: <small>" in said
    assert {"../study.yaml", "../provenance.json"} <= {link["href"] for link in outline.all("a")}


@pytest.mark.long
def test_equal_runs_give_equal_bytes(
    levels: pd.DataFrame,
    dissected: dict[LevelKey, list[Path]],
    photographs: ConceptSet,
    tmp_path: Path,
) -> None:
    unpruned = levels[(levels["level"] == 0) & (levels["layer"] == "layer4")]
    level, folders = next(iter(dissected.items()))
    written = [
        write_study_page(
            tmp_path / name,
            name="small",
            facts={"Network": "cifar_resnet20"},
            shown=Shown(levels=unpruned),
            figures=figures_of(Shown(levels=unpruned)),
            verdicts={},
            dissections={level: folders[:1]},
            concepts=photographs,
        ).parent
        for name in ("here", "elsewhere")
    ]
    first, second = (
        {path.relative_to(page): path.read_bytes() for path in page.rglob("*.*")}
        for page in written
    )
    assert first == second


@pytest.mark.long
def test_units_that_are_undecided_stand_in_the_levels(
    levels: pd.DataFrame, photographs: ConceptSet, tmp_path: Path
) -> None:
    drawn = levels.assign(discoveries=0, discovered_concepts=0, undecided=5, draws=20)
    for name, table in (("drawn", drawn), ("plain", levels)):
        page = write_study_page(
            tmp_path / name,
            name="small",
            facts={},
            shown=Shown(levels=table),
            figures=figures_of(Shown(levels=table)),
            verdicts={},
            dissections={},
            concepts=photographs,
        )
        words = Outline(page.read_text(encoding="utf-8")).words
        assert ("Beyond chance" in words) == (name == "drawn")
        assert ("5 undecided" in words) == (name == "drawn")
