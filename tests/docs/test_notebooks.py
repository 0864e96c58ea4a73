"""Do the notebooks run from top to bottom, and do they show what they did when they were saved?"""

import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
SMALLER = {
    "compressing.ipynb": "epochs = 2",
    "dissecting.ipynb": "epochs, images = 2, 100",
    "lottery.ipynb": "replicates, levels, epochs = 2, 1, 2",
}
"""What the first cell sets instead, so that a notebook runs within a minute."""


def opened(name: str) -> Any:
    return nbformat.read(FOLDER / name, as_version=4)


def shown(notebook: Any) -> list[set[str]]:
    """Return the kinds of output of each cell of code."""
    return [
        {kind for output in cell.outputs for kind in output.get("data", {output.get("name"): ""})}
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_each_user_has_a_notebook() -> None:
    assert {path.name for path in FOLDER.glob("*.ipynb")} == SMALLER.keys()


@pytest.mark.parametrize("name", SMALLER)
def test_what_is_saved_ran_in_order_and_without_warnings(name: str) -> None:
    notebook = opened(name)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not any("stderr" in kinds for kinds in shown(notebook))
    assert "/home" not in (text := (FOLDER / name).read_text(encoding="utf-8"))
    assert "/tmp" not in text


@pytest.mark.parametrize("name", SMALLER)
def test_every_figure_is_seen(name: str) -> None:
    notebook = opened(name)
    drawn = [
        (cell.source, kinds)
        for cell, kinds in zip(
            (cell for cell in notebook.cells if cell.cell_type == "code"),
            shown(notebook),
            strict=True,
        )
        if "ps.plot_" in cell.source
    ]
    assert drawn
    assert [source for source, kinds in drawn if "image/png" not in kinds] == []


@pytest.mark.long
@pytest.mark.parametrize("name", SMALLER)
def test_it_runs_from_top_to_bottom(name: str) -> None:
    notebook = opened(name)
    saved = shown(notebook)
    parameters = next(
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    )
    parameters.source = SMALLER[name]
    runpy.run_path(str(FOLDER / "execute.py"))["execute"](notebook)
    assert shown(notebook) == saved
