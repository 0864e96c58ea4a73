"""Do numbers and tables read as they should?"""

from prunescope.base.text import align, number, percent


def test_columns_are_as_wide_as_what_is_in_them():
    assert align([("layer", "n"), ("a", "1,000"), ("longer", "")]) == (
        "layer       n\na       1,000\nlonger"
    )


def test_what_is_not_known_is_a_dash():
    assert (number(None), percent(None)) == ("-", "-")
    assert (number(1234567), percent(0.168)) == ("1,234,567", "16.80 %")
