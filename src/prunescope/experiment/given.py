"""Which study does a user give, and may it name code to run?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.networks.trust import trusted_name
from prunescope.pruning.choices import CRITERIA
from prunescope.results.layout import LOCK, PROVENANCE, REPORT, STUDY, TABLES, replicate_path
from prunescope.study import Study, load_study


def load_given(recipe: Path | str, overrides: Sequence[str] = ()) -> Study:
    """Read what a user gives as a recipe, as `load_study` does.

    Raises DataError where `check_code` does.
    """
    study = load_study(recipe, overrides)
    check_code(study, recipe, overrides)
    return study


def check_code(study: Study, recipe: object, overrides: Sequence[str]) -> None:
    """Raise DataError where it is the study.yaml of a run that names code to run.

    A recipe is the user's own words, a run may come from anybody: of that one, an override names
    the code.
    """
    if not isinstance(recipe, str | Path) or not _is_of_run(Path(recipe)):
        return
    stated = {override.partition("=")[0].strip() for override in overrides}
    if "network" not in stated:
        trusted_name(study.network, Path(recipe), how=_named_now("network", study.network))
    for setting, name in _criteria(study):
        if stated.isdisjoint(_paths_to(setting)):
            raise DataError(
                f'{recipe} says that {setting} is "{name}", which is code, and a file must not '
                "choose what is run: it was not called. If you trust that code, name it yourself, "
                f"{_named_now(setting, name)}"
            )


def _criteria(study: Study) -> Iterator[tuple[str, str]]:
    """Yield the settings that name a criterion of a user's, and its name."""
    for strategy, settings in study.pruning.strategies.items():
        if settings.criterion not in CRITERIA.names:
            yield f"pruning.strategies.{strategy}.criterion", settings.criterion


def _paths_to(setting: str) -> set[str]:
    """Return the settings that state a setting: itself, and those that hold it."""
    parts = setting.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}


def _named_now(setting: str, name: str) -> str:
    return f'by --set {setting}="{name}" (in Python: set=["{setting}={name}"])'


def _is_of_run(path: Path) -> bool:
    """Return whether a file is the study.yaml of a run, begun here or copied from elsewhere."""
    signs = (PROVENANCE, LOCK, replicate_path(0), TABLES, REPORT)
    is_study = path.is_file() and path.name == STUDY
    return is_study and any((path.resolve().parent / sign).exists() for sign in signs)
