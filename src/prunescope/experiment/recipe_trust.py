"""Which study does a user give, and may it name code to run?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.networks.trust import trusted_name
from prunescope.recipe import Recipe, load_recipe
from prunescope.results.layout import LOCK, PROVENANCE, REPORT, STUDY, TABLES, replicate_path


def load_given(path: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """Read what a user gives as a recipe, as `load_recipe` does.

    Raises DataError where `check_code` does.
    """
    recipe = load_recipe(path, overrides)
    check_code(recipe, path, overrides)
    return recipe


def check_code(recipe: Recipe, source: object, overrides: Sequence[str]) -> None:
    """Raise DataError where it is the study.yaml of a run that names code to run.

    A recipe is the user's own words, a run may come from anybody: of that one, an override names
    the code.
    """
    if not isinstance(source, str | Path) or not _is_study_of_a_run(Path(source)):
        return
    stated = {override.partition("=")[0].strip() for override in overrides}
    if "network" not in stated:
        trusted_name(recipe.network, Path(source), how=_named_now("network", recipe.network))
    for setting, name in _code(recipe):
        if stated.isdisjoint(_paths_to(setting)):
            raise DataError(
                f'{source} says that {setting} is "{name}", which is code, and a file must not '
                "choose what is run: it was not called. If you trust that code, name it yourself, "
                f"{_named_now(setting, name)}"
            )


def _code(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield the settings of strategies that name code, and the names."""
    for strategy, settings in recipe.pruning.strategies.items():
        for choice, name in settings.code.items():
            yield f"pruning.strategies.{strategy}.{choice}", name


def _paths_to(setting: str) -> set[str]:
    """Return the settings that state a setting: itself, and those that hold it."""
    parts = setting.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}


def _named_now(setting: str, name: str) -> str:
    return f'by --set {setting}="{name}" (in Python: set=["{setting}={name}"])'


def _is_study_of_a_run(path: Path) -> bool:
    """Return whether a file is the study.yaml of a run, begun here or copied from elsewhere."""
    signs = (PROVENANCE, LOCK, replicate_path(0), TABLES, REPORT)
    is_study = path.is_file() and path.name == STUDY
    return is_study and any((path.resolve().parent / sign).exists() for sign in signs)
