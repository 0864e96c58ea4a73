"""What lies at a path: a dissection, a level or a whole run, or a comparison?"""

from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.formats import has_weights_form
from prunescope.base.paths import is_there, require_file

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
        require_file(path)
        raise DataError(f"{path} is a file: give the folder of a dissection")
    if is_run(path):
        raise DataError(f"{path} is a whole run: name one of its levels, such as {_a_level(path)}")
    folders = [path, *sorted(path.iterdir()), *sorted((path / "dissection").glob("*"))]
    layers = [folder for folder in folders if (folder / UNITS).is_file()]
    if layers:
        return layers
    raise DataError(f"{path} holds no dissection: neither it nor a folder in it has a {UNITS}")


def is_run(path: Path) -> bool:
    """Say whether a path is a run folder."""
    return is_there(path / "study.yaml")


def is_comparison(path: Path) -> bool:
    """Say whether a path is a folder that `compare --out` wrote."""
    return (path / CONCEPTS).is_file() and (path / SUMMARY).is_file()


def holds_weights(path: Path) -> bool:
    """Say whether a file is one of weights, of any tool, and no table."""
    try:
        return path.suffix != ".csv" and has_weights_form(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _a_level(run: Path) -> Path:
    pruned = sorted(run.glob("replicate-*/*/level-*"))
    return pruned[-1] if pruned else run / "replicate-0" / "level-00"
