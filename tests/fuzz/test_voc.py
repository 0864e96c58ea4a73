"""Does a folder in VOC's layout, whatever is in it, give its true labels or an error?"""

from pathlib import Path
from typing import Any

import pytest

from concepts.voc_files import write_voc
from fuzz.trying import made_of, mutated, replaced, tried, try_each
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts

_TOKENS = (
    *(
        b"<object>",
        b"</object>",
        b"<name>",
        b"</name>",
        b"<part>",
        b"&a;",
        b"&#0;",
        b"<!DOCTYPE a>",
    ),
    *(
        b"-1",
        b"1e400",
        b"nan",
        b"99999",
        b"\xff\xfe",
        b"\0",
        b"../",
        b"\n",
        b"a",
        b"b",
        b" 1",
        b"PLTE",
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voc(tmp_path_factory.mktemp("fuzz"))


def read_all(folder: Path, options: str) -> dict[str, list[Any]]:
    """Return every image's labels."""
    concepts = open_concepts(f"voc:{folder}{options}")
    found = {}
    for index, name in enumerate(concepts.images):
        concepts.read_image(index)
        found[name] = concepts.read_annotation(index).planes.tolist()
    str(check_concepts(concepts))
    return found


@tried
@pytest.mark.parametrize(
    "name",
    [
        "Annotations/a.xml",
        "SegmentationClass/a.png",
        "ImageSets/Segmentation/train.txt",
        "ImageSets/Main/train.txt",
    ],
)
def test_a_damaged_file_gives_what_it_says_or_is_refused(
    folder: Path, name: str, examples: int
) -> None:
    options = "" if "Segmentation" in name else ",boxes=true"
    expected = read_all(folder, options)

    def check(content: bytes) -> None:
        with replaced(folder / name, content):
            found = made_of(lambda: read_all(folder, options))
        if found is not None and name.endswith(".png"):
            assert found == expected
        assert found is None or set(found) <= {"a.jpg", "b.jpg", "bare.jpg"}

    try_each(examples, mutated((folder / name).read_bytes(), _TOKENS), check)
