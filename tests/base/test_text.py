"""Do numbers and tables read as they should?"""

import pytest

from prunescope.base.text import (
    align,
    first_of,
    number,
    on_one_line,
    percent,
    printable,
    with_article,
    written,
)


def test_columns_are_as_wide_as_what_is_in_them():
    assert align([("layer", "n"), ("a", "1,000"), ("longer", "")]) == (
        "layer       n\na       1,000\nlonger"
    )


def test_what_is_not_known_is_a_dash():
    assert (number(None), percent(None)) == ("-", "-")
    assert (number(1234567), percent(0.168)) == ("1,234,567", "16.80 %")


def test_no_character_of_a_name_acts_on_a_terminal() -> None:
    name = "a\x1b[31mred\x07\x00\x7f\x9b\u202eb\u2028"
    assert printable(name) == r"a\x1b[31mred\x07\x00\x7f\x9b\u202eb\u2028"
    assert printable("Hütte\n漢字 🌲 [red]") == "Hütte\n漢字 🌲 [red]"
    assert on_one_line("a\r\nb") == r"a\r\nb"
    assert on_one_line("a\udcff\ud800") == r"a\xff\ud800"
    assert align([["name", "n"], ["x\ny", "1"]]).count("\n") == 1


def test_any_value_is_written_in_a_short_line() -> None:
    assert written("a\nb") == r"'a\nb'"
    assert written(10**5000) == "an int of too many digits"
    assert written([10**5000]) == "a list of too many digits"
    assert written("a" * 5000, 10) == "'aaaaaaaa…"


@pytest.mark.parametrize(
    ("noun", "name"),
    [
        ("int", "an int"),
        ("OrderedDict", "an OrderedDict"),
        ("list", "a list"),
        ("UserDict", "a UserDict"),
        ("LSTM", "an LSTM"),
        ("UNet", "a UNet"),
        ("NoneType", "a NoneType"),
        ("GRU", "a GRU"),
    ],
)
def test_a_noun_has_the_article_with_which_it_is_said(noun, name):
    assert with_article(noun) == name


def test_of_ten_thousand_names_the_first_are_listed():
    names = [f"level {number}" for number in range(10_000)]
    assert first_of(names, 2) == "level 0, level 1 and 9,998 more"
    assert first_of(names[:2], 2) == "level 0, level 1"
    assert first_of([]) == "none"
