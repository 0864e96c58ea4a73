"""Is the docstring behind an attribute found, whatever class it stands in?"""

from prunescope.base.attribute_docs import attribute_docs
from prunescope.base.settings import Settings


class Cup:
    """What tea is drunk from."""

    full: bool = False
    """Whether there is tea."""
    litres: float = 0.2
    made_of = "clay"
    """Said of what is not annotated, which is passed over."""

    class Handle:
        """How it is held."""

        long: bool
        """Whether two fingers fit.

        Three, if they are thin."""


def test_the_docstring_behind_an_annotated_attribute_is_found():
    assert attribute_docs(Cup) == {"full": "Whether there is tea."}


def test_classes_within_classes_and_functions_have_their_own():
    class Cup:
        full: bool = True
        """Whether there is coffee."""

    assert attribute_docs(Cup) == {"full": "Whether there is coffee."}
    assert attribute_docs(globals()["Cup"].Handle) == {
        "long": "Whether two fingers fit.\n\nThree, if they are thin."
    }


def test_settings_have_the_docstrings_of_their_fields_and_of_those_they_inherit():
    class Pot(Settings):
        litres: float = 1.0
        """How much it holds."""

    class Kettle(Pot):
        whistles: bool = False
        """Whether it is heard."""

    fields = Kettle.model_fields
    assert fields["litres"].description == "How much it holds."
    assert fields["whistles"].description == "Whether it is heard."


def test_a_class_without_a_source_has_no_docstrings():
    assert attribute_docs(type("Cup", (), {"__module__": "builtins"})) == {}
