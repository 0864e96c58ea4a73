"""Does a folder of masks, whatever is in it, give its true labels or an error?"""

import csv
import io
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from concepts.worlds import MASKS, write_folder
from fuzz.trying import HOSTILE_TEXTS, made_of, mutated, replaced, texts, tried, try_each
from prunescope.base.text import on_one_line
from prunescope.concepts.check import check_concepts
from prunescope.concepts.label_makers import RECORD, labels_note
from prunescope.concepts.sources.masks import MaskFolder

_TOKENS = (
    *(b",", b"\n", b"\r\n", b'"', b"0", b"255", b"65535", b"65536", b"-1", b"#ff0000", b"#gg0000"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"car", b"name", b"value", b"category", b" 7 ", b"7.0"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("fuzz") / "mine", MASKS)


def read_all(folder: Path) -> tuple[Any, dict[str, list[Any]]]:
    """Return every label, and every image's labels."""
    concepts = MaskFolder.open(folder)
    labels = [(label.number, label.name, label.category) for label in concepts.labels]
    images = {}
    for index, name in enumerate(concepts.images):
        concepts.read_image(index)
        images[name] = concepts.read_annotation(index).planes.tolist()
    str(check_concepts(concepts))
    return labels, images


@tried
def test_names_give_what_they_say(folder: Path, examples: int) -> None:
    def check(content: bytes) -> None:
        with replaced(folder / "names.csv", content):
            found = made_of(lambda: read_all(folder))
        if found is None:
            return
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        named = [
            (number, row["name"].strip(), (row.get("category") or "").strip() or "object")
            for number, row in enumerate(rows, start=1)
            if (row["name"] or "").strip()
        ]
        assert found[0] == named
        values = {
            int(row["value"]): number
            for number, row in enumerate(rows, start=1)
            if (row.get("value") or "").strip()
        }
        stored = np.asarray(Image.open(folder / "masks/train/b.png"))
        known = {0: 0} | {v: n if rows[n - 1]["name"].strip() else 0 for v, n in values.items()}
        (plane,) = found[1]["train/b.png"]
        assert plane == [[known[value] for value in row] for row in stored.tolist()]

    try_each(examples, mutated((folder / "names.csv").read_bytes(), _TOKENS), check)


@tried
@pytest.mark.parametrize("name", ["masks/train/b.png", "masks/train/a/car.png"])
def test_a_damaged_mask_is_refused(folder: Path, name: str, examples: int) -> None:
    expected = read_all(folder)

    def check(content: bytes) -> None:
        with replaced(folder / name, content):
            found = made_of(lambda: read_all(folder))
        assert found is None or found == expected

    try_each(examples, mutated((folder / name).read_bytes(), (b"IEND", b"IDAT", b"tRNS")), check)


@tried
def test_who_made_the_labels_is_said_in_a_line_or_refused(folder: Path, examples: int) -> None:
    sound = json.dumps({"labelled_by": [{"model": "torchvision:fcn_resnet50", "of": "masks-1"}]})
    expected = read_all(folder)

    def check(content: bytes) -> None:
        with replaced(folder / RECORD, content):
            concepts = made_of(lambda: MaskFolder.open(folder))
            found = None if concepts is None else read_all(folder)
        assert found is None or found == expected
        note = None if concepts is None else labels_note(concepts)
        assert note is None or (on_one_line(note) == note and note.endswith(", not by people"))

    (folder / RECORD).write_text("{}")
    tokens = (b"NaN", b"null", b"[", b"{", b'"', b"\\n", b"\\u001b", b"1e999", b'"model":')
    try_each(examples, mutated(sound.encode(), tokens), check)
    (folder / RECORD).unlink()


@tried
def test_a_photograph_is_turned_as_its_exif_says_or_refused(folder: Path, examples: int) -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif[274] = 3
    Image.fromarray(np.arange(144, dtype=np.uint8).reshape(6, 8, 3)).save(file, "JPEG", exif=exif)

    def check(content: bytes) -> None:
        with replaced(folder / "images/train/a.png", content):
            picture = made_of(lambda: MaskFolder.open(folder).read_image(0))
        assert picture is None or picture.mode == "RGB"

    head, rest = file.getvalue()[:80], file.getvalue()[80:]
    spoilt_head = mutated(head, (b"Exif\0\0", b"\xff\xff", b"\0\0", b"II*\0", b"MM\0*"))
    inputs = spoilt_head.map(lambda spoilt: spoilt + rest) | mutated(head + rest)
    try_each(examples, inputs, check)


@tried
def test_files_of_any_name_are_paired_or_named(folder: Path, tmp_path: Path, examples: int) -> None:
    names = st.sampled_from(["a", "b", "car", "wheel", "grass", "c.d", "a.png", ".a"])
    names |= st.sampled_from(HOSTILE_TEXTS) | texts()
    parts = st.lists(names.map(_as_a_name), min_size=1, max_size=3)
    files = st.lists(st.tuples(st.sampled_from(["images", "masks"]), parts), max_size=6)

    def check(drawn: list[tuple[str, list[str]]]) -> None:
        root = tmp_path / "drawn"
        shutil.rmtree(root, ignore_errors=True)
        for part in ("images", "masks"):
            (root / part).mkdir(parents=True)
        shutil.copy(folder / "names.csv", root)
        for top, inner in drawn:
            path = root.joinpath(top, *inner).with_name(f"{inner[-1]}.png")
            if not path.exists() and all(not p.is_file() for p in path.parents):
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / "masks/train/a/car.png", path)
        for keep_gone in (False, True):
            found = made_of(partial(MaskFolder.open, root, skip_broken=keep_gone))
            if found is None:
                continue
            there = {p.relative_to(root / "masks").as_posix() for p in (root / "masks").rglob("*")}
            for marked in found.marked:
                assert set(marked.masks) <= there
                assert keep_gone or (root / "images" / marked.image).is_file()

    try_each(examples, files, check)


def _as_a_name(text: str) -> str:
    """Return a text as a file system takes it for a name."""
    name = text.replace("/", "_").replace("\0", "_").strip(".") or "_"
    return name.encode()[:60].decode(errors="ignore") or "_"
