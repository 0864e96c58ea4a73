"""What does a path hold: a dissection, a level, a whole run or a comparison?"""

from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.formats import has_weights_form
from prunescope.base.paths import is_there, require_file
from prunescope.results.layout import (
    ABLATION,
    ASSETS,
    COMPARISON_FIGURES,
    CONCEPTS,
    COUNTS,
    DENSE,
    DISSECTION,
    EVALUATION,
    EXAMPLES,
    IMAGES,
    LAYERS,
    METRICS,
    PAGE,
    REPORT,
    STUDY,
    SUMMARY,
    UNITS,
    UNITS_AS_TEXT,
    WEIGHTS,
    LevelKey,
    level_folders,
)
from prunescope.results.store import has_lost_study, require_study

_OF_COMPARISONS = (CONCEPTS, *COMPARISON_FIGURES)
_BESIDE_UNITS = (SUMMARY, COUNTS, EXAMPLES, IMAGES, UNITS_AS_TEXT)


def layer_folders(path: Path) -> list[Path]:
    """Return the folders of the dissected layers at a path, by name.

    path: a layer's folder, a dissection's (a folder per layer in it), or a level's of a run.
    Raises DataError for anything else, and says what it is.
    """
    if not path.exists():
        raise DataError(f"{path} is neither a dissection's folder nor a result CSV: it is missing")
    if not path.is_dir():
        require_file(path)
        raise DataError(f"{path} is a file: give the folder of a dissection")
    if is_run(path):
        raise DataError(f"{path} is a whole run: name one of its levels, such as {_a_level(path)}")
    if is_comparison(path):
        raise DataError(f"{path} is a comparison: give one of the two dissections it compares")
    if is_evaluation(path) or is_ablation(path):
        kind = "evaluation" if is_evaluation(path) else "ablation"
        raise DataError(f"{path} is an {kind}, which has no dissected units: `summary` shows it")
    folders = [path, *sorted(path.iterdir()), *sorted((path / DISSECTION).glob("*"))]
    layers = [folder for folder in folders if (folder / UNITS).is_file()]
    for folder in folders:
        _check_whole(folder)
    if has_lost_study(path):
        require_study(path)
    if not layers:
        raise DataError(f"{path} holds no dissection: neither it nor a folder in it has a {UNITS}")
    _check_layers(path, [folder.resolve().name for folder in layers])
    if layers != [path]:
        from prunescope.results.together import check_complete  # loads pandas

        check_complete(path, layers)
    return layers


def layers_of_study(run: Path) -> list[str]:
    """Return the layers that a run dissects according to its study.yaml; empty if it names none.

    Raises ConfigError where it is damaged.
    """
    from prunescope.base.recipes import read_plain  # loads yaml

    values = read_plain(run / STUDY)
    dissection = values.get("dissection") if isinstance(values, dict) else None
    layers = dissection.get("layers") if isinstance(dissection, dict) else None
    return [str(name) for name in layers] if isinstance(layers, list) else []


def is_run(path: Path) -> bool:
    """Return whether a path is a run folder."""
    return is_there(path / STUDY)


def is_level(path: Path) -> bool:
    """Return whether a path is the folder of a finished level."""
    return (path / METRICS).is_file() and (path / WEIGHTS).is_file()


def is_comparison(path: Path) -> bool:
    """Return whether a path is a folder that `compare --out` wrote, even if files are missing."""
    return any((path / name).is_file() for name in _OF_COMPARISONS)


def is_dissection(path: Path) -> bool:
    """Return whether a path is a folder that `dissect --out` wrote."""
    if is_run(path) or is_level(path) or is_comparison(path):
        return False
    return is_there(path / LAYERS) or any(path.glob(f"*/{COUNTS}"))


def is_page(path: Path) -> bool:
    """Return whether a path is a folder in which a page, and nothing else, was written."""
    return (
        path.name == REPORT
        and (path / PAGE).is_file()
        and {entry.name for entry in path.iterdir()} <= {PAGE, ASSETS}
    )


def is_evaluation(path: Path) -> bool:
    """Return whether a path is a folder that `evaluate --out` wrote, even if files are missing."""
    return (path / EVALUATION).is_file()


def is_ablation(path: Path) -> bool:
    """Return whether a path is a folder that `ablate --out` wrote, even if files are missing."""
    return (path / ABLATION).is_file()


def holds_weights(path: Path) -> bool:
    """Return whether a file holds weights, of any tool, and is no table."""
    try:
        return path.suffix != ".csv" and has_weights_form(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _check_whole(folder: Path) -> None:
    """Raise DataError for the folder of a dissected layer that lost its units or its summary."""
    if not folder.is_dir() or is_comparison(folder):
        return
    rest = [name for name in _BESIDE_UNITS if (folder / name).is_file()]
    for name in (UNITS, SUMMARY):
        if rest and not is_there(folder / name):
            raise DataError(
                f"{folder / name} is missing, though {rest[0]} beside it is there: run again what "
                "made it, or remove that folder"
            )


def _check_layers(path: Path, layers: list[str]) -> None:
    """Raise DataError where a level of a run lacks a layer that its study names."""
    level = path.parent if path.name == DISSECTION else path
    run = next((parent for parent in level.absolute().parents if is_run(parent)), None)
    if run is None or not (level / METRICS).is_file():
        return
    missing = [name for name in layers_of_study(run) if name not in layers]
    if missing:
        raise DataError(
            f"{path} lacks the dissection of {', '.join(missing)}, which {run / STUDY} names: "
            f"`prunescope run {run / STUDY} --out {run}` makes it; or give the folder of one layer"
        )


def _a_level(run: Path) -> Path:
    levels = [*level_folders(run)]
    return levels[-1] if levels else run / LevelKey(replicate=0, strategy=DENSE, level=0).path
