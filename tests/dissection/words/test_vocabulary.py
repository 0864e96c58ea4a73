"""Is a file of words read, and each fault in it named with its line?"""

import pytest

from prunescope.base.errors import DataError
from prunescope.dissection.words.vocabulary import read_words


@pytest.fixture
def write(tmp_path):
    def make(content):
        path = tmp_path / "words.txt"
        path.write_bytes(content)
        return path

    return make


def test_words_are_lines_without_blanks_around_them(write):
    text = "\ufeffred\r\n  traffic light \nRed\n\n".encode()
    assert read_words(write(text)) == ("red", "traffic light", "Red")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"red\n\nblue\n", "line 2 is empty"),
        (b"red\nblue\nred \n", 'line 3: "red" is on line 1 already'),
        (b"", "has no words"),
        (b"red\n", "has 1 word,"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
    ],
)
def test_a_fault_is_told(write, content, said):
    with pytest.raises(DataError, match=said):
        read_words(write(content))


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"there is no file of words .*lost\.txt"):
        read_words(tmp_path / "lost.txt")
    with pytest.raises(DataError, match="is a folder"):
        read_words(tmp_path)
