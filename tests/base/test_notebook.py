"""Is what a notebook shows whole, harmless and aligned?"""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from layers import make_layer, save_run
from prunescope.analysis.compare import compare
from prunescope.analysis.run_folder import Run
from prunescope.base.notebook import BLUE, Html, bar, page, share, table, title
from prunescope.dissection.result import Dissection

DENSE = make_layer({"red": 200}, {"cat": 300}, {"dog": 250}, {"blue": 110}, {})
PRUNED = make_layer({"red": 180}, {"dog": 280}, {}, {}, {"cat": 150})


class _Balance(HTMLParser):
    """Fails where a tag is not closed in its turn, or asks for something elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("div", "table", "thead", "tr", "th", "td", "span")
        assert all(name == "style" and "url" not in str(value) for name, value in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def words(html: str) -> str:
    parser = _Balance()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return " ".join(parser.text)


def test_what_users_named_is_escaped() -> None:
    evil = "<script>alert('&')</script>"
    html = page(title(evil, evil), table((evil,), [(evil,)]))
    assert "<script" not in html
    assert words(html).count(evil) == 4


def test_numbers_stand_to_the_right_and_texts_to_the_left() -> None:
    html = table(("name", "count", "share"), [("a", 1_234, "12.5 %"), ("b", None, "–")])
    assert re.findall("text-align:(left|right)", html) == ["left", "right", "right"] * 3
    assert "1,234" in html
    assert share(None) == share(float("nan")) == "–"


def test_a_bar_is_as_long_as_its_share() -> None:
    assert re.findall(r";width:([\d.]+)px", bar([(1, BLUE), (3, BLUE)], 4)) == ["40.0", "120.0"]
    assert ";width" not in bar([(0, BLUE)], 0)
    assert isinstance(bar([], 0), Html)


def test_a_dissection_shows_its_counts_and_best_units() -> None:
    text = words(Dissection(layers={"layer4": DENSE})._repr_html_())
    assert "4 of 5 units are interpretable (IoU > 0.05), of 4 concepts; 1 never fire" in text
    assert text.index("cat") < text.index("blue")
    assert f"{300 / 1700:.3f}" in text
    assert words(DENSE._repr_html_()) == text
    assert words(make_layer({})._repr_html_())


def test_a_comparison_shows_what_became_of_units_and_concepts() -> None:
    text = words(compare(DENSE, PRUNED)._repr_html_())
    for said in ("kept", "relabelled", "paired by number", "Concepts lost blue (1)"):
        assert said in text
    assert "not paired" in words(compare(DENSE, make_layer({"red": 200}))._repr_html_())


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    levels = {(0, "dense", 0): [DENSE], (0, "lottery", 1): [PRUNED]}
    return [save_run(tmp_path / name, levels) for name in "ab"]


def test_runs_show_their_levels(runs: list[Path]) -> None:
    text = words(compare(*runs)._repr_html_())
    assert "100.0 % → 100.0 %" in text
    assert "4 → 4" in text


def test_a_run_shows_its_levels_once_it_has_tables(runs: list[Path]) -> None:
    for metrics in runs[0].rglob("metrics.json"):
        metrics.unlink()
    text = words(Run.load(runs[0])._repr_html_())
    assert "means over 1 replicate; units" in f"{text} "
    assert "80.0 %" in text
    (runs[0] / "tables" / "levels.csv").unlink()
    assert "0 levels are finished; the run is not" in words(Run.load(runs[0])._repr_html_())
