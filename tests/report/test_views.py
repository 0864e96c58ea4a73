"""Is what a notebook shows whole, harmless and aligned?"""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from layers import make_layer, save_run
from prunescope.report.document import (
    Bar,
    Column,
    Names,
    Noted,
    Rows,
    Section,
    Table,
    mean_text,
    share_text,
)
from prunescope.report.html import write_html
from prunescope.report.terminal import write_sections
from prunescope.results.dissection import Dissection
from prunescope.results.run import Run
from prunescope.statistics.compare import compare

DENSE = make_layer({"red": 200}, {"cat": 300}, {"dog": 250}, {"blue": 110}, {})
PRUNED = make_layer({"red": 180}, {"dog": 280}, {}, {}, {"cat": 150})


class _Balance(HTMLParser):
    """Fails where a tag is not closed in its turn, or asks for something elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in "div span table caption thead tbody tr th td small".split()  # noqa: SIM905
        known = ("style", "scope", "colspan", "rowspan", "class")
        assert all(name in known and "url" not in str(value) for name, value in attrs)
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


EVIL = "<script>alert('&')</script>\x1b[31m"
TABLE = Table(
    columns=[
        Column(title="name", is_text=True),
        *(Column(title="count", group="of both"), Column(title="share", group="of both")),
        Column(is_text=True),
    ],
    groups=[
        Rows(
            rows=[
                ("a", 1_234, "12.5 %", Bar([(1, "red"), (3, "blue")], 4)),
                ("b", None, Noted("3 %", "1 of 33"), Bar([], 0)),
            ]
        )
    ],
)


def test_what_users_named_is_escaped() -> None:
    table = Table(columns=[Column(title=EVIL)], groups=[Rows(rows=[(EVIL,)], title=EVIL)])
    parts = [EVIL, table, Names(title=EVIL, names=[EVIL, EVIL])]
    sections = [Section(title=EVIL, note=EVIL, parts=parts)]
    html = write_html(sections)
    assert "<script" not in html
    assert words(html).count("<script>alert('&')</script>\\x1b[31m") == 9
    assert "\x1b" not in html + write_sections(sections)


def test_numbers_stand_to_the_right_and_texts_to_the_left() -> None:
    html = write_html([Section(parts=[TABLE])])
    sides = re.findall("text-align:(left|right)", html)
    assert (
        sides
        == ["left", "right", "left", "right", "right"] + ["left", "right", "right", "left"] * 2
    )
    assert words(html).split() == (
        "name of both count share a 1,234 12.5 % b – 3 % 1 of 33".split()  # noqa: SIM905
    )
    assert (share_text(None), share_text(float("nan")), mean_text(None)) == ("–", "–", "–")


def test_a_table_on_a_terminal_is_aligned_and_has_no_bars() -> None:
    text = write_sections([Section(title="T", note="n", parts=["before", TABLE, "behind"])])
    assert text.splitlines() == [
        "T: n",
        "  before",
        "",
        "        of both        of both",
        "  name    count          share",
        "  a       1,234         12.5 %",
        "  b           –  3 % (1 of 33)",
        "",
        "  behind",
    ]


def test_a_result_reads_as_text_in_python_also_within_a_notebook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = compare(DENSE, PRUNED)
    assert "relabelled" in repr(compared)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert repr(compared) == str(compare(DENSE, PRUNED))
    assert "relabelled" in repr(compared)


def test_a_bar_is_as_long_as_its_share() -> None:
    html = write_html([Section(parts=[TABLE])])
    assert re.findall(r";width:([\d.]+)px", html) == ["40.0", "120.0"]


def test_a_dissection_shows_its_counts_and_best_units() -> None:
    text = words(Dissection(layers={"layer4": DENSE})._repr_html_())
    assert "4 of 5 units are interpretable (IoU > 0.05), of 4 concepts; 1 never fire" in text
    assert text.index("cat") < text.index("blue")
    assert f"{300 / 1700:.3f}" in text
    assert words(DENSE._repr_html_()) == text
    assert words(make_layer({})._repr_html_())


def test_a_comparison_shows_what_became_of_units_and_concepts() -> None:
    text = words(compare(DENSE, PRUNED)._repr_html_())
    for said in ("kept", "relabelled", "paired by number", "lost (units in A): blue (1, und"):
        assert said in text
    assert "not paired" in words(compare(DENSE, make_layer({"red": 200}))._repr_html_())


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    levels = {(0, "dense", 0): [DENSE], (0, "lottery", 1): [PRUNED]}
    return [save_run(tmp_path / name, levels) for name in "ab"]


def test_runs_show_their_levels(runs: list[Path]) -> None:
    text = words(compare(*runs)._repr_html_())
    assert "weights left" not in text
    assert re.search(r"dense\s+0\s+100.0 %\s+100.0 %\s+90.0 %\s+90.0 %\s+4\s+4\s", text)


def test_a_run_shows_its_levels_once_it_has_tables(runs: list[Path]) -> None:
    for metrics in runs[0].rglob("metrics.json"):
        metrics.unlink()
    text = words(Run.load(runs[0])._repr_html_())
    assert "5 units, interpretable above IoU 0.05, means over 1 replicate" in text
    assert "80.0 %" in text
    (runs[0] / "tables" / "levels.csv").unlink()
    assert "0 levels are finished; the run is not" in words(Run.load(runs[0])._repr_html_())
