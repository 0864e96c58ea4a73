"""Is a text in a CSV never run by a spreadsheet, and does it come back as it was?"""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prunescope.results.cells import csv_bytes
from prunescope.results.reading import read_csv

RUN = "=+-@\t\r"
TEXTS = st.text(
    st.sampled_from("=+-@'\t\r\n\",;a1 ＝") | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
)


@pytest.mark.long
@given(texts=st.lists(TEXTS, min_size=1), name=TEXTS)
@example(texts=["=1+1", "'=1+1", "''-2", "'tis", "-3", "\r=2", "nan"], name="=cmd")
def test_every_text_comes_back_and_none_begins_a_formula(texts: list[str], name: str) -> None:
    table = pd.DataFrame({name: texts, "score of ours": range(len(texts))})
    content = csv_bytes(table)
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert all(text[0] not in RUN for text in [*rows[0], *(row[0] for row in rows[1:])])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content)
        again = read_csv(path, dtype={name: str}, keep_default_na=False)
    assert again.to_dict("list") == table.to_dict("list")


def test_numbers_and_other_texts_are_written_as_they_are() -> None:
    table = pd.DataFrame({"a": [-1.5, 2.0], "b": [-3, 4], "c": ["a-b", "'tis"], "d": [None, "x"]})
    assert csv_bytes(table) == b"a,b,c,d\n-1.5,-3,a-b,\n2.0,4,'tis,x\n"


def test_a_number_kept_as_text_is_a_text() -> None:
    assert csv_bytes(pd.DataFrame({"a": ["-1"]})) == b"a\n'-1\n"


@pytest.mark.parametrize("text", ["=1+1", "'=1+1"])
def test_an_option_names_a_column_as_it_is_called(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(csv_bytes(pd.DataFrame({text: ["01"]})))
    assert read_csv(path, dtype={text: str})[text].tolist() == ["01"]
