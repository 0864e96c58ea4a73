"""Does a data set of Hugging Face, whatever is in its files, give true labels or an error?"""

from pathlib import Path
from typing import Any

import datasets
import pytest

from concepts.hub_files import as_parquet, saved, with_boxes, with_maps
from fuzz.trying import made_of, mutated, replaced, tried, try_each
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts

_TOKENS = (
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"-1",
    b"1e400",
    b"\xff\xfe",
    b"\0",
    b"ClassLabel",
    b"Image",
)
MAPS = ",mask=mask,classes=names.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    datasets.disable_progress_bars()
    root = tmp_path_factory.mktemp("fuzz")
    saved(with_maps(), root / "maps")
    as_parquet({"train": with_boxes()}, root / "boxes")
    (root / "names.json").write_text('{"0": "background", "1": "car", "2": "dog", "3": "grass"}')
    return root


def read_all(name: str) -> list[Any]:
    """Return every image's labels."""
    concepts = open_concepts(name)
    found = []
    for index in range(len(concepts.images)):
        concepts.read_image(index)
        found.append(concepts.read_annotation(index).planes.tolist())
    str(check_concepts(concepts))
    assert len(concepts.fingerprint) == 64
    return found


@tried
@pytest.mark.parametrize(
    "name",
    [
        "names.json",
        "maps/state.json",
        "maps/dataset_info.json",
        "boxes/data/train-00000-of-00001.parquet",
    ],
)
def test_a_damaged_file_gives_labels_or_is_refused(
    folder: Path, name: str, examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    concepts = "hf:boxes" if name.startswith("boxes") else f"hf:maps{MAPS}"
    assert read_all(concepts)

    def check(content: bytes) -> None:
        with replaced(folder / name, content):
            found = made_of(lambda: read_all(concepts))
        assert found is None or len(found) <= 2

    try_each(examples, mutated((folder / name).read_bytes(), _TOKENS), check)
