"""Does names.csv say what is read from it, and is every fault in it named?"""

import pytest

from prunescope.base.errors import DataError
from prunescope.concepts.names import Names, read_names
from prunescope.concepts.protocol import Label


@pytest.fixture
def names(tmp_path):
    """Return a function that reads a names.csv of a text."""

    def read(text: str | bytes) -> Names:
        path = tmp_path / "names.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_names(path)

    return read


def test_concepts_are_numbered_by_their_rows_from_one(names):
    assert names("name,category\ncar,object\nred-c,color\nbus,object\n").labels == (
        Label(number=1, name="car", category="object"),
        Label(number=2, name="red-c", category="color"),
        Label(number=3, name="bus", category="object"),
    )


def test_a_row_without_a_name_keeps_its_number_and_makes_its_codes_mean_nothing(names):
    read = names("name,value,color\ncar,1,#010203\n,255,#ffffff\nbus,2,\n")
    assert [label.number for label in read.labels] == [1, 3]
    assert read.values == {0: 0, 1: 1, 255: 0, 2: 3}
    assert read.colors == {0: 0, 0x010203: 1, 0xFFFFFF: 0}


def test_a_concept_without_a_category_is_an_object(names):
    read = names("name,category\nred-c,color\ncar,\n")
    assert read.categories == ("color", "object")
    assert names("name\ncar\n").categories == ("object",)


def test_zero_and_black_mean_nothing_unless_they_are_listed(names):
    read = names("name,value,color\nroad,0,#000000\ncar,1,\n")
    assert read.values == {0: 1, 1: 2}
    assert read.colors == {0: 1}


def test_codes_that_are_not_given_are_none_at_all(names):
    read = names("name,value\ncar,\n")
    assert read.values == {}
    assert read.colors == {}


def test_what_spreadsheets_write_is_read(names):
    text = b'\xef\xbb\xbf"name","value"\r\n"car, large", 4 \r\n'
    read = names(text)
    assert [label.name for label in read.labels] == ["car, large"]
    assert read.values == {0: 0, 4: 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\ncar\nbus\ncar\n", 'row 4: "car" stands in row 2 already'),
        ("name,value\ncar,1\nbus,1\n", 'row 3: value 1 belongs to "car" (row 2) already'),
        ("name,value\ncar,1\nbus,01\n", 'row 3: value 01 belongs to "car"'),
        ("name,value\n,1\nbus,1\n", "row 3: value 1 belongs to row 2 already"),
        ("name,color\ncar,#0a0b0c\nbus,#0A0B0C\n", 'color #0A0B0C belongs to "car" (row 2)'),
        ("name,value\ncar,-1\n", 'row 2: value is "-1", but must be a whole number'),
        ("name,value\ncar,65536\n", 'value is "65536"'),
        ("name,value\ncar,1.0\n", 'value is "1.0"'),
        ("name,color\ncar,red\n", 'color is "red", but must be #rrggbb'),
        ("name,color\ncar,ff0000\n", 'color is "ff0000"'),
    ],
)
def test_rows_in_contradiction_are_faults_that_name_file_and_row(names, text, said):
    (fault,) = names(text).faults
    assert "names.csv, row" in fault
    assert said in fault


def test_every_fault_is_told(names):
    assert len(names("name,value,color\ncar,1,x\ncar,1,y\nbus,z,\n").faults) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column"),
        ("label\ncar\n", r'column "label"'),
        ("name,colour\ncar,#ff0000\n", r'column "colour" \(did you mean "color"\?\)'),
        ("name;value\ncar;1\n", "separated by commas"),
        ("name,value\n", "names no concept"),
        ("name,value\n,3\n", "names no concept"),
        ("name,value\ncar,1,2\n", "Row #2"),
        (b"name\n\xff\xfe\n", r"not UTF-8 \(line 2\)"),
    ],
)
def test_what_is_no_table_of_names_is_refused(names, text, said):
    with pytest.raises(DataError, match=rf"names\.csv.*{said}"):
        names(text)


def test_a_missing_table_is_named_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"there is no .*names\.csv: list the concepts there"):
        read_names(tmp_path / "names.csv")
