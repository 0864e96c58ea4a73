"""Does a COCO file, whatever is in it, give its true labels or an error?"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from concepts.coco_files import panoptic, segments, tiny, write_coco, write_segments
from fuzz.trying import made_of, mutated, replaced, tried, try_each
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")

_TOKENS = (
    *(b"[", b"]", b"{", b"}", b",", b'"', b"null", b"true", b"-1", b"1e400", b"NaN", b"1.5"),
    *(b'"counts": "01"', b'"counts": [1]', b'"size": [8, 6]', b'"isthing": 0', b'"id": 7'),
    *(b"65536", b"9999999999999999999", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"../", b"\\ud800"),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coco(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture(scope="module")
def panoptic_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("panoptic")
    write_segments(root / "labels/a.png", segments())
    return write_coco(root, panoptic())


def read_all(file: Path) -> dict[str, list[Any]]:
    """Return every image's labels."""
    concepts = open_concepts(f"coco:{file}")
    found = {}
    for index, name in enumerate(concepts.images):
        concepts.read_image(index)
        found[name] = concepts.read_annotation(index).planes.tolist()
    str(check_concepts(concepts))
    return found


@tried
@pytest.mark.parametrize("kind", ["file", "panoptic_file"])
def test_a_damaged_file_gives_what_it_says_or_is_refused(
    request: pytest.FixtureRequest, kind: str, examples: int
) -> None:
    path: Path = request.getfixturevalue(kind)

    def check(content: bytes) -> None:
        with replaced(path, content):
            found = made_of(lambda: read_all(path))
        if found is not None:
            stated = json.loads(content.decode("utf-8-sig", errors="replace"))
            assert set(found) <= {image["file_name"] for image in stated["images"]}

    try_each(examples, mutated(path.read_bytes(), _TOKENS), check)


@tried
def test_any_shape_is_filled_or_refused(file: Path, examples: int) -> None:
    numbers = st.integers(-2, 9) | st.floats() | st.sampled_from([None, "1", True, 10**400])
    polygons = st.lists(st.lists(numbers, max_size=9) | numbers, max_size=3)
    counts = st.text(max_size=9) | st.lists(st.integers(-1, 48), max_size=6)
    runs = st.fixed_dictionaries({"size": st.just([6, 8]) | numbers, "counts": counts | numbers})

    def check(shape: Any) -> None:
        content = tiny()
        content["annotations"][0] |= {"segmentation": shape, "bbox": shape}
        for options in ("", ",boxes=true"):
            with replaced(file, json.dumps(content).encode()):
                made_of(lambda: open_concepts(f"coco:{file}{options}").read_annotation(0))  # noqa: B023

    try_each(examples, polygons | runs | numbers | st.lists(numbers, max_size=5), check)
