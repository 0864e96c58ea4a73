"""Is the site whole, and can it be read and searched from disk, without a server or a network?"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SOURCES = Path(__file__).parents[2] / "docs" / "site"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
TYPED = """
<script>
addEventListener("load", () => {
  const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds))
  const inside = () => [...document.querySelectorAll("div")].find(box => box.shadowRoot).shadowRoot
  wait(300)
    .then(() => document.querySelector(".md-search__button").click())
    .then(() => wait(1000))
    .then(() => {
      const field = inside().querySelector("input")
      field.value = "rewind"
      field.dispatchEvent(new Event("input", { bubbles: true }))
    })
    .then(() => wait(3000))
    .then(() => document.body.innerHTML = inside().innerHTML)
})
</script>
"""


@pytest.fixture(scope="module")
def builder() -> Iterator[ModuleType]:
    """The program that builds the site."""
    names = {path.stem for path in SOURCES.glob("*.py")}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SOURCES)
        import build

        yield build
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def site(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    assert builder.build_site(folder) == []
    return folder / "site"


def test_what_lies_outside_docs_and_what_is_generated_are_pages(site: Path) -> None:
    for page in ("CONTRIBUTING.html", "CHANGELOG.html", "settings.html", "reference.html"):
        assert (site / page).is_file()
    assert (site / "recipes" / "demo.yaml").is_file()
    assert "test_site" not in "".join(path.name for path in site.rglob("*.py"))


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")
def test_a_word_typed_into_the_search_finds_pages_from_disk(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    (site / "typed.html").write_text(home.replace("</body>", f"{TYPED}</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    words = [str(BROWSER), *options, "--dump-dom", (site / "typed.html").as_uri()]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
    results = re.search(r"(\d+) results", shown)
    assert results
    assert int(results[1]) > 3
    assert re.search(r'href="[^"]*method\.html[^"]*#rewinding"', shown)


WHOLE = '<html><a id="here"></a><a href="#here">x</a><img src="a.svg"></html>'


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (WHOLE, ""),
        ('<a href="none.html">x</a>', "links to none.html"),
        ('<a href="#none">x</a>', "links to #none"),
        ('<a href="/index.html">x</a>', "links to /index.html"),
        ('<img src="none.png">', "shows none.png"),
        ('<script src="https://example.org/x.js"></script>', "fetches https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "fetches //example.org/x.css"),
        ('<a href="https://example.org">x</a>', ""),
    ],
)
def test_what_is_wrong_with_a_page_is_said(
    builder: ModuleType, tmp_path: Path, page: str, problem: str
) -> None:
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "a.svg").write_text("<svg/>")
    problems = builder.problems_of(tmp_path, [{"Home": "index.md"}])
    assert [problem in line for line in problems] == [True] * bool(problem)


def test_a_page_that_the_nav_leaves_out_is_said(builder: ModuleType, tmp_path: Path) -> None:
    for name in ("index.html", "orphan.html"):
        (tmp_path / name).write_text(WHOLE)
    (tmp_path / "a.svg").write_text("<svg/>")
    assert builder.problems_of(tmp_path, [{"Home": "index.md"}]) == [
        "orphan.html is not in the nav of mkdocs.yml"
    ]
