"""Is what the command line starts with light?"""

import subprocess
import sys
from pathlib import Path

import pytest

from prunescope import comparison, report, results

LIGHT = "devices errors files formats lock progress seeding settings steps"


def test_nothing_but_tensors_loads_torch():
    imports = ", ".join(f"prunescope.base.{name}" for name in LIGHT.split())
    assert not loads(imports, "torch")


def test_reading_comparing_and_showing_saved_results_loads_no_torch():
    rooms = (Path(room.__file__).parent for room in (comparison, report, results))
    names = [
        f"prunescope.{file.parent.name}.{file.stem}" for room in rooms for file in room.glob("*.py")
    ]
    assert not loads(", ".join(sorted(names)), "torch")


@pytest.mark.long
def test_dissecting_loads_nothing_that_draws():
    assert not loads("prunescope.experiment.single", "matplotlib")


@pytest.mark.long
def test_listing_layers_loads_no_tables():
    assert not loads("prunescope.experiment.layers", "pandas")


def loads(imports, module):
    """Return whether a module is loaded with others."""
    code = f"import sys, {imports}; print({module!r} in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {"True": True, "False": False}[answer.stdout.strip()]
