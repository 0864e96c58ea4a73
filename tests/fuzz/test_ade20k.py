"""Does a folder of ADE20K, whatever is in it, give its true labels or an error?"""

from pathlib import Path
from typing import Any

import pytest

from concepts.ade_files import write_full, write_parsing
from fuzz.trying import made_of, mutated, replaced, tried, try_each
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts

STREET = "full/images/ADE/training/urban/street/ADE_train_1"
_TOKENS = (
    *(b"[", b"]", b"{", b"}", b",", b'"', b"null", b"-1", b"1e400", b"99999", b"name_ndx", b"\t"),
    *(b"\n", b"\xff\xfe", b"\0", b"Idx", b"Name", b"IDAT", b"\\ud800"),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    write_full(root / "full")
    write_parsing(root / "parsing")
    return root


def read_all(folder: Path) -> dict[str, list[Any]]:
    """Return every image's labels."""
    concepts = open_concepts(f"ade20k:{folder}")
    found = {}
    for index, name in enumerate(concepts.images):
        concepts.read_image(index)
        found[name] = concepts.read_annotation(index).planes.tolist()
    str(check_concepts(concepts))
    return found


@tried
@pytest.mark.parametrize(
    "name", [f"{STREET}.json", f"{STREET}_parts_1.png", "parsing/objectInfo150.txt"]
)
def test_a_damaged_file_gives_what_it_says_or_is_refused(
    root: Path, name: str, examples: int
) -> None:
    folder = root / name.partition("/")[0]
    expected = read_all(folder)

    def check(content: bytes) -> None:
        with replaced(root / name, content):
            found = made_of(lambda: read_all(folder))
        assert found is None or found.keys() == expected.keys()
        if name.endswith(".png"):
            assert found is None or found == expected

    try_each(examples, mutated((root / name).read_bytes(), _TOKENS), check)
