"""Does the page of a dissection show each unit's words?"""

import sys
from pathlib import Path
from typing import Any

import pytest

import prunescope as ps
from coloured import write_world
from prunescope.report.pages.dissection import report_dissection

pytestmark = pytest.mark.long


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_world(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop("coloured_code", None)
    network = ps.load("coloured_code:network")
    found = ps.dissect(
        network, "0", "images:pictures", words="words.txt", encoder="coloured_code:encoder",
        word_draws=9, resolution=8, mean=(0, 0, 0), std=(1, 1, 1), quantile=0.1,
    )  # fmt: skip
    found.save("D")
    return report_dissection(Path("D"), "images:pictures").absolute()


def test_a_units_words_are_shown_and_can_be_searched(page: Path, opened: Any) -> None:
    view = opened(page, "#unit=0/1")
    facts = view.locator(".facts")
    assert "red (soft WPMI" in facts.inner_text()
    assert "red (r 0.99" in facts.inner_text()
    assert "–" in opened(page, "#unit=0/3").locator(".facts").inner_text()
    table = opened(page)
    table.locator("#unit-table input[type=search]").first.fill("green")
    row = table.locator("#unit-table tbody tr")
    row.first.wait_for()
    assert row.count() == 1
    assert "no concepts, since the images have no labels" in table.inner_text("#overview")
    assert "coloured_code:encoder" in table.inner_text("#made")
