"""Does a folder in Broden's layout, whatever is in it, give its true labels or an error?"""

import csv
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from concepts.worlds import FILES, OBJECT_MAP, encoded, write_folder
from fuzz.trying import HOSTILE_TEXTS, made_of, mutated, replaced, texts, tried, try_each
from prunescope.concepts.check import check_concepts
from prunescope.concepts.sources.broden import BrodenFolder

TABLES = [name for name in FILES if name.endswith(".csv")]
_TOKENS = (
    *(b",", b"\n", b"\r\n", b'"', b'""', b";", b"0", b"00", b"65535", b"65536", b"-1", b"1e3"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"../", b"maps/a_1.png", b"2;2", b"number", b"image"),
    *(b"\xd9\xa2", b"\xe2\x80\xae", b" 2 ", b"nan", b"inf", b"9" * 200),
)
CELLS = (
    *("", "0", "00", "2", "02", " 2 ", "+2", "-2", "2.0", "\u0662", "2;2", ";;", "300;0", "300"),
    *("1", "3", "4", "65536", "9" * 30, "maps/a_1.png", "maps/a_2.png", "maps/a_1.png;300;2"),
    *("maps/A_1.PNG", "./maps/a_1.png", "maps//a_1.png", "maps/../maps/a_1.png", "/a.png", "maps"),
    *("a.png", "a_1.png\0", "\\a.png", "C:a.png", "maps/a_1.png;maps/a_1.png", "\u200f2", "é.png"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("fuzz") / "set", FILES)


def read_all(folder: Path) -> list[Any]:
    """Return every label and every image's labels."""
    concepts = BrodenFolder.open(folder)
    shown = [(label.number, label.name, label.category) for label in concepts.labels]
    annotations = [concepts.read_annotation(index) for index in range(len(concepts.images))]
    for index in range(len(concepts.images)):
        concepts.read_image(index)
    images = [
        (name, [plane.tolist() for plane in each.planes], sorted(each.whole))
        for name, each in zip(concepts.images, annotations, strict=True)
    ]
    str(check_concepts(concepts))
    return [concepts.categories, shown, images]


def read_plainly(folder: Path) -> list[Any]:
    """Return the same, read line by line with Python's own CSV reader."""
    categories = [row["name"] for row in _rows(folder / "category.csv")]
    index = _rows(folder / "index.csv")
    used = [name for name in categories if name in index[0]]
    names = {int(row["number"]): row["name"] for row in _rows(folder / "label.csv")}
    names.pop(0, None)
    primary: dict[int, tuple[float, str]] = {}
    for name in used:
        for row in _rows(folder / f"c_{name}.csv"):
            number, coverage = int(row["number"]), float(row["coverage"])
            if number and coverage >= primary.get(number, (-1e999, ""))[0]:
                primary[number] = (coverage, name)
    labels = [(number, names[number], primary[number][1]) for number in sorted(primary)]
    images = []
    for row in index:
        entries = [part.strip() for name in used for part in row[name].split(";")]
        entries = [entry for entry in entries if entry.strip("0")]
        if entries:
            maps = [_map(folder / "images" / each) for each in entries if not each.isdecimal()]
            whole = sorted(int(each) for each in entries if each.isdecimal())
            images.append((row["image"], maps, whole))
    return [tuple(used), labels, images]


def _rows(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return [row for row in csv.DictReader(io.StringIO(text, newline="")) if any(row.values())]


def _map(path: Path) -> list[list[int]]:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return (pixels[:, :, 0] + 256 * pixels[:, :, 1]).tolist()


@tried
@pytest.mark.parametrize("table", TABLES)
def test_a_table_gives_what_it_says(folder: Path, table: str, examples: int) -> None:
    def check(content: bytes) -> None:
        with replaced(folder / table, content):
            found = made_of(lambda: read_all(folder))
            if found is not None:
                assert found == read_plainly(folder)

    try_each(examples, mutated((folder / table).read_bytes(), _TOKENS), check)


@tried
def test_a_row_gives_what_it_says(folder: Path, examples: int) -> None:
    cells = st.sampled_from(CELLS) | st.sampled_from(HOSTILE_TEXTS) | texts()
    rows = st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=4)

    def check(drawn: list[list[str]]) -> None:
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(["image", "split", "ih", "iw", "sh", "sw", "part", "color", "object"])
        for row in drawn:
            writer.writerow(["a.png", "train", 6, 8, 3, 4, *row])
        with replaced(folder / "index.csv", file.getvalue().encode()):
            found = made_of(lambda: read_all(folder))
            if found is not None:
                assert found == read_plainly(folder)

    try_each(examples, rows, check)


@tried
def test_a_damaged_map_is_refused(folder: Path, examples: int) -> None:
    expected = read_all(folder)
    path = folder / "images/maps/a_1.png"

    def check(content: bytes) -> None:
        with replaced(path, content):
            found = made_of(lambda: read_all(folder))
            assert found is None or found == expected

    try_each(examples, mutated(path.read_bytes(), (b"IEND", b"IDAT", b"PLTE", b"tRNS")), check)


def png(head: tuple[int, ...], chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Write a PNG of sound checksums, whatever it says."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", *head)), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


_BOMB = zlib.compress(bytes(64 << 20), 9)
_PIXELS = zlib.compress(b"".join(b"\0" + bytes(12) for _ in range(3)))
HEADS = st.tuples(
    st.sampled_from((0, 1, 4, 8, 65_535, 2**31 - 1, 2**32 - 1)),
    st.sampled_from((0, 1, 3, 6, 65_535, 2**31 - 1, 2**32 - 1)),
    *(st.sampled_from(values) for values in ((0, 1, 2, 4, 8, 16), (0, 2, 3, 4, 6, 7))),
    *(st.sampled_from((0, 0, 0, 1)) for _ in range(3)),
)
CHUNKS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(b"IDAT", b"IDAT", b"IDAT", b"PLTE", b"tRNS", b"zTXt", b"iTXt", b"tEXt", b"iCCP"),
                *(b"acTL", b"fcTL", b"fdAT", b"IHDR", b"gAMA", b"eXIf", b"pHYs", b"aaaa", b"AAAA"),
            ]
        ),
        st.sampled_from(
            [
                *(_PIXELS, _PIXELS, _PIXELS[:9], b"", bytes(3), bytes(768), b"x\0\0" + _BOMB),
                *(b"x\0\1\0\0\0" + _BOMB, b"x\0\0" + _PIXELS, _BOMB, b"\xff" * 40),
            ]
        )
        | st.binary(max_size=30),
    ),
    max_size=5,
)


@tried
def test_a_map_of_sound_checksums_has_its_own_size_and_listed_labels(
    folder: Path, examples: int
) -> None:
    path = folder / "images/maps/a_1.png"
    listed = {0, *(label.number for label in BrodenFolder.open(folder).labels)}

    def check(drawn: tuple[tuple[int, ...], list[tuple[bytes, bytes]]]) -> None:
        with replaced(path, png(*drawn)):
            found = made_of(lambda: BrodenFolder.open(folder).read_annotation(0))
            if found is not None:
                assert found.shape == OBJECT_MAP.shape
                assert set(np.unique(found.planes).tolist()) <= listed

    try_each(examples, st.tuples(HEADS, CHUNKS), check)


# StripOffsets, the tag of TIFF that says where the pixels begin, and its type
_LONG_OFFSETS, _RATIONAL_OFFSETS = struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 5)


@tried
def test_a_photograph_is_shown_or_refused(folder: Path, examples: int) -> None:
    whole = {}
    for kind in ("JPEG", "TIFF", "GIF", "WEBP", "BMP", "PPM"):
        file = io.BytesIO()
        Image.fromarray(np.arange(144, dtype=np.uint8).reshape(6, 8, 3)).save(file, kind)
        whole[kind] = file.getvalue()

    def check(content: bytes) -> None:
        with replaced(folder / "images/a.png", content):
            found = made_of(lambda: BrodenFolder.open(folder).read_image(0))
            assert found is None or (found.mode, found.size) == ("RGB", (8, 6))

    begins_at_a_fraction = whole["TIFF"].replace(_LONG_OFFSETS, _RATIONAL_OFFSETS)
    assert begins_at_a_fraction != whole["TIFF"]
    inputs = st.one_of(*(mutated(each) for each in whole.values()))
    try_each(examples, inputs, check, failed=[begins_at_a_fraction])


def test_the_plain_reader_reads_the_sound_folder_alike(folder: Path) -> None:
    assert read_all(folder) == read_plainly(folder)
    assert encoded(OBJECT_MAP) == (folder / "images/maps/a_1.png").read_bytes()
