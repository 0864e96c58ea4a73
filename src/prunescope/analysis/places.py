"""What lies at a path: a dissection, a level or a whole run, or a comparison?"""

import json
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.paths import require_regular_file
from prunescope.networks.reading.formats import has_weights_form

UNITS = "units.parquet"
SUMMARY = "summary.json"
CONCEPTS = "concepts.csv"


def layer_folders(path: Path) -> list[Path]:
    """Return the folders of the dissected layers at a path, by name.

    path: a layer's folder, a dissection's (a folder per layer in it), or a level's of a run.
    Raises DataError where there is none of these, and says what there is instead.
    """
    if not path.exists():
        raise DataError(f"{path} is neither a dissection's folder nor a result CSV: it is missing")
    if not path.is_dir():
        require_regular_file(path)
        raise DataError(f"{path} is a file, not a dissection's folder")
    if is_run(path):
        raise DataError(f"{path} is a whole run: name one of its levels, such as {_a_level(path)}")
    folders = [path, *sorted(path.iterdir()), *sorted((path / "dissection").glob("*"))]
    layers = [folder for folder in folders if (folder / UNITS).is_file()]
    if layers:
        return layers
    raise DataError(f"{path} holds no dissection: neither it nor a folder in it has a {UNITS}")


def is_run(path: Path) -> bool:
    """Say whether a path is a run folder."""
    return (path / "study.yaml").is_file()


def is_comparison(path: Path) -> bool:
    """Say whether a path is a folder that `compare --out` wrote."""
    return (path / CONCEPTS).is_file() and (path / SUMMARY).is_file()


def holds_weights(path: Path) -> bool:
    """Say whether a file is one of weights, of any tool, and no table."""
    try:
        return path.suffix != ".csv" and has_weights_form(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises DataError naming the file if it is missing or damaged."""
    require_regular_file(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} holds no JSON object")
    return values


def _a_level(run: Path) -> Path:
    pruned = sorted(run.glob("replicate-*/*/level-*"))
    return pruned[-1] if pruned else run / "replicate-0" / "level-00"
