"""Does a table of Network Dissection, whatever is in it, give its true counts or an error?"""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import strategies as st

from cli.world import TABLE
from fuzz.trying import HOSTILE_TEXTS, made_of, mutated, texts, tried, try_each
from prunescope.report.summary import summarise_result
from prunescope.results.netdissect import TABLE_IOU, read_netdissect

_HEAD = TABLE.splitlines()[0].split(",")
_TOKENS = (
    *(b",", b"\n", b"\r\n", b'"', b"0", b"-1", b"1e999", b"nan", b"inf", b"none", b"True", b"0.5"),
    *(b"\xef\xbb\xbf", b"\xff", b"\0", b"color", b"color-iou", b"unit", b"9" * 30, b"1_000", b" 1"),
)


def check_table(path: Path) -> None:
    """A table that is taken has the counts that its rows state, read one by one."""
    table = made_of(lambda: read_netdissect(path))
    if table is None:
        return
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    rows = [row for row in rows if any(row.values())]
    assert table["unit"].tolist() == [int(float(row["unit"])) - 1 for row in rows]
    alive = [any(float(v) for k, v in row.items() if k.endswith("-activation")) for row in rows]
    above = [float(row["score"]) > TABLE_IOU for row in rows]
    interpretable = [a and b for a, b in zip(alive, above, strict=True)]
    assert table["interpretable"].tolist() == interpretable
    concepts = {
        (row["category"], row["label"]) for row, yes in zip(rows, interpretable, strict=True) if yes
    }
    summary = made_of(lambda: summarise_result(path))
    if summary is not None:
        counts, text = summary
        assert (counts["interpretable"], counts["concepts"]) == (sum(interpretable), len(concepts))
        assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)


@tried
def test_a_table_gives_what_it_says(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{number},color,red,0.{number}1,red,9,8,2,0.{number}1" for number in range(1, 5)]

    def check(content: bytes) -> None:
        path.write_bytes(content)
        check_table(path)

    whole = "\n".join([",".join(_HEAD), *rows, ""]).encode()
    try_each(examples, mutated(whole, _TOKENS), check)


@tried
def test_a_row_gives_what_it_says(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "table.csv"
    numbers = st.sampled_from(["0", "1", "2", "0.04", "0.05", "0.06", "nan", "-1", "1e3", ""])
    names = st.sampled_from(["color", "red", "none", "NA", "1"]) | texts()
    cells = numbers | st.sampled_from(HOSTILE_TEXTS)
    row = st.tuples(st.sampled_from(["1", "2", "3", "1.5", ""]), names, names, *([cells] * 6))
    sound = st.tuples(*(st.just(cell) for cell in TABLE.splitlines()[1].split(",")))

    def check(drawn: list[tuple[str, ...]]) -> None:
        file = io.StringIO(newline="")
        csv.writer(file).writerows([_HEAD, *drawn])
        path.write_bytes(file.getvalue().encode())
        check_table(path)

    try_each(examples, st.lists(row | sound, min_size=1, max_size=3), check)


@pytest.mark.parametrize("name", ["\u202e", "\x1b[2J", "none", "nan", "NA", "=1+1"])
def test_a_concept_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "table.csv").write_text(TABLE.replace("red", name))
    assert read_netdissect(tmp_path / "table.csv")["concept"].tolist() == [name]
