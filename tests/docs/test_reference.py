"""Does the page of the API hold every public name, with its arguments and what they mean?"""

import inspect
import re
import sys
from pathlib import Path

import pytest

import prunescope

SITE = Path(__file__).parents[2] / "docs" / "site"
ENTRY = re.compile(r"^#{3,4} `([^`]+)` \{ #\S+ \}\n(.*?)(?=^#{2,4} |\Z)", re.M | re.S)


@pytest.fixture(scope="module")
def entries() -> dict[str, str]:
    """Every entry of the page by its title."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SITE)
        from reference import reference_page

        page = reference_page()
    sys.modules.pop("reference")
    found = ENTRY.findall(page)
    assert len(found) == len(dict(found))
    assert len(found) == len(re.findall(r"^#{3,4} ", page, re.M))
    return dict(found)


def said(entry: str) -> str:
    """Return what an entry says apart from how the name is called and its arguments."""
    return re.sub(r"```python.*?```|<dl.*?</dl>", "", entry, flags=re.S).strip()


@pytest.mark.parametrize("name", prunescope.__all__)
def test_every_public_name_has_an_entry_with_its_text(entries: dict[str, str], name: str) -> None:
    text = inspect.getdoc(getattr(prunescope, name)) or ""
    first = "version" if name == "__version__" else " ".join(text.split()[:3])
    assert first in said(entries[f"ps.{name}"]).replace("&lt;", "<")


def test_no_entry_is_empty(entries: dict[str, str]) -> None:
    assert [title for title, entry in entries.items() if len(said(entry).split()) < 3] == []


def test_every_argument_of_a_public_function_is_explained(entries: dict[str, str]) -> None:
    for name in prunescope.__all__:
        value = getattr(prunescope, name)
        if not inspect.isfunction(value):
            continue
        entry = entries[f"ps.{name}"]
        explained = set(re.findall(r"<dt><code>(\w+)</code>[^\n]*?</dt><dd>.", entry))
        explained |= set(re.findall(r"(?<!<dt>)<code>(\w+)</code>", entry))  # by another's text
        missing = set(inspect.signature(value).parameters) - explained
        assert missing <= {"comparison"}, (name, missing)  # of one argument the first line speaks


def test_every_method_of_a_public_class_has_an_entry(entries: dict[str, str]) -> None:
    for name in ("Dissection", "LayerDissection", "Level", "Mask", "Run", "Study"):
        kind = getattr(prunescope, name)
        own = {member for member in vars(kind) if not member.startswith("_")}
        fields = set(inspect.signature(kind).parameters) | {"model_config"}
        titles = {title.removeprefix(f"{name}.") for title in entries}
        assert {member for member in own - fields if callable(getattr(kind, member))} <= titles


def test_the_page_shows_no_address_in_memory(entries: dict[str, str]) -> None:
    assert not re.search(r"0x[0-9a-f]{6}", "".join(entries.values()))
