"""Does a setting get the text that its docstring gives it, and no other?"""

from prunescope.base.described import describe_fields, introduction

DOCSTRING = """Two sentences. And more: nothing here is a field.

    rate: how fast; in two lines
        of text. speed, pace: the same.
    other: no field.

    Some: prose with rate in it.
    """
FIELDS = ("rate", "speed", "pace", "unsaid")


def test_an_entry_ends_at_the_next_or_at_a_blank_line() -> None:
    assert describe_fields(DOCSTRING, FIELDS) == {
        "rate": "how fast; in two lines of text.",
        "speed": "the same. other: no field.",
        "pace": "the same. other: no field.",
    }


def test_what_stands_before_the_first_entry_introduces_the_settings() -> None:
    expected = "Two sentences. And more: nothing here is a field."
    assert introduction(DOCSTRING, FIELDS) == expected


def test_without_fields_all_is_introduction() -> None:
    assert describe_fields("Only this.", ()) == {}
    assert introduction("Only this.", ()) == "Only this."
