"""Run every notebook of this folder from top to bottom, and keep what it shows.

`python docs/notebooks/execute.py` after the code or a notebook has changed; needs the dev extra.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
_MINUTES = 20
_PLACE = re.compile(r"(/[^\s'\"<>]*)?/notebook-\w+")


def execute(notebook: NotebookNode) -> None:
    """Run the cells of a notebook in an empty folder, in place; the first error stops it."""
    # tqdm, which a library imports, misses a package that only draws its bars
    quiet = os.environ | {"PYTHONWARNINGS": "ignore:IProgress not found"}
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        client = NotebookClient(
            notebook,
            timeout=60 * _MINUTES,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
        )
        client.execute(env=quiet)


def main(names: list[str]) -> None:
    """Run the notebooks of these names, or all."""
    for path in [FOLDER / name for name in names] or sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        execute(notebook)
        notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
        path.write_text(_PLACE.sub("", nbformat.writes(notebook)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
