"""Does a function that takes settings say which, with their defaults and texts?"""

import inspect
import py_compile
import subprocess
import sys
from pathlib import Path
from typing import TypedDict, Unpack

from prunescope.base.arguments import takes
from prunescope.base.settings import Settings


class Kettle(Settings):
    """How water is heated."""

    litres: float = 1.5
    """How much water is heated."""

    whistles: bool = False
    """Whistle when it boils.

    Neighbours may hear it."""


class KettleOptions(TypedDict, total=False):
    litres: int | float
    whistles: bool


@takes(Kettle)
def heat(where: str, *, degrees: int = 100, **settings: Unpack[KettleOptions]) -> Kettle:
    """Heat water.

    where: on what. degrees: up to which temperature.
    """
    return Kettle.validate_from(settings, where)


def test_each_setting_is_an_argument_with_its_default() -> None:
    arguments = inspect.signature(heat).parameters
    assert list(arguments) == ["where", "degrees", "litres", "whistles"]
    assert arguments["litres"].default == 1.5
    assert arguments["litres"].annotation == int | float
    assert heat("stove", whistles=True) == Kettle(whistles=True)


def test_the_docstring_ends_with_the_first_paragraph_of_each_text() -> None:
    assert inspect.getdoc(heat) == (
        "Heat water.\n\nwhere: on what. degrees: up to which temperature.\n\n"
        "litres: How much water is heated.\nwhistles: Whistle when it boils."
    )


def test_what_a_function_explains_itself_is_not_explained_again() -> None:
    def pour(*, litres: float = 1.5, whistles: bool = False) -> None:
        """Pour water. litres: from the can."""

    assert (takes(Kettle)(pour).__doc__ or "").split("\n\n")[
        1
    ] == "whistles: Whistle when it boils."


def test_settings_without_their_source_work_without_texts(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(
        "from prunescope.base.settings import Settings\n\n\nclass Cup(Settings):\n"
        '    full: bool = False\n    """Whether there is tea."""\n'
    )
    compiled = py_compile.compile(str(tmp_path / "plain.py"), str(tmp_path / "plain.pyc"))
    (tmp_path / "plain.py").unlink()
    assert compiled
    program = (
        "from plain import Cup; assert Cup(full=True).full; "
        "print(repr(Cup.model_json_schema()['properties']['full']['description']))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout == "''\n"
