"""Does a folder of videos, whatever is in it, give its true labels or an error?"""

from pathlib import Path
from typing import Any

import pytest

from concepts.davis_files import write_davis
from fuzz.trying import made_of, mutated, replaced, tried, try_each
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts

_TOKENS = (b"null", b"[]", b"{}", b'"', b"-1", b"1e400", b"\xff\xfe", b"\0", b"../", b"\n", b"bear")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_davis(tmp_path_factory.mktemp("fuzz"))


def read_all(folder: Path) -> dict[str, list[Any]]:
    """Return every frame's labels."""
    concepts = open_concepts(f"davis:{folder}")
    found = {}
    for index, name in enumerate(concepts.images):
        concepts.read_image(index)
        found[name] = concepts.read_annotation(index).planes.tolist()
    str(check_concepts(concepts))
    return found


@tried
@pytest.mark.parametrize(
    "name",
    ["davis_semantics.json", "ImageSets/2017/train.txt", "Annotations/480p/bear/00000.png"],
)
def test_a_damaged_file_gives_what_it_says_or_is_refused(
    folder: Path, name: str, examples: int
) -> None:
    expected = read_all(folder)

    def check(content: bytes) -> None:
        with replaced(folder / name, content):
            found = made_of(lambda: read_all(folder))
        if found is not None and name.endswith(".png"):
            assert found == expected
        assert found is None or set(found) <= set(expected)

    try_each(examples, mutated((folder / name).read_bytes(), _TOKENS), check)
