"""Which study does a user give, and may it name code as its network?"""

from collections.abc import Sequence
from pathlib import Path

from prunescope.networks.trust import trusted_name
from prunescope.recipe import Recipe, load_recipe
from prunescope.results.layout import LOCK, PROVENANCE, REPORT, STUDY, TABLES, replicate_path


def load_given(recipe: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """Read what a user gives as a recipe, as `load_recipe` does.

    Raises DataError where `check_network` does.
    """
    study = load_recipe(recipe, overrides)
    check_network(study, recipe, overrides)
    return study


def check_network(study: Recipe, recipe: object, overrides: Sequence[str]) -> None:
    """Raise DataError where it is the study.yaml of a run that names code as the network.

    A recipe is the user's own words, a run may come from anybody: of that one, an override names
    the code.
    """
    named_now = any(change.partition("=")[0].strip() == "network" for change in overrides)
    if named_now or not isinstance(recipe, str | Path) or not _is_of_run(Path(recipe)):
        return
    name = study.network
    how = f'by --set network="{name}" (in Python: set=["network={name}"])'
    trusted_name(name, Path(recipe), how=how)


def _is_of_run(path: Path) -> bool:
    """Return whether a file is the study.yaml of a run, begun here or copied from elsewhere."""
    signs = (PROVENANCE, LOCK, replicate_path(0), TABLES, REPORT)
    is_study = path.is_file() and path.name == STUDY
    return is_study and any((path.resolve().parent / sign).exists() for sign in signs)
