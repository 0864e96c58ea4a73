"""What has a run lost of what it had finished, and which of its files have changed since?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from prunescope.experiment.facts import UNKNOWN
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.plan import plan_study
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.manifest import changes_in
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store

_AGAIN = "the same run makes it again"


def find_losses(root: Path, recipe: Recipe) -> Mapping[str, list[str]]:
    """Return, by the title of what was finished, what is missing of it or of another size.

    What lies inside a folder that is missing goes without saying.
    """
    losses: dict[str, list[str]] = {}
    store, keys = Store(root), Provenance(root).finished_keys
    for artifact, is_level in _finished(recipe, keys):
        if any(not (root / lost).is_dir() and _lies_in(artifact, lost) for lost in losses):
            continue
        flaws = artifact.at(root).flaws
        if not flaws and artifact.title in keys:
            loss = store.loss(artifact)
            what = "the whole level" if is_level else "all of it"
            flaws = [loss.replace("is missing", f"{what} is missing")] if loss else []
        if flaws:
            losses[artifact.title] = [f"{artifact.title}: {flaw}; {_AGAIN}" for flaw in flaws]
    return losses


def find_changes(root: Path, recipe: Recipe) -> Iterator[str]:
    """Yield which files of finished folders have another checksum than their manifest recorded."""
    for artifact, _ in _finished(recipe, {}):
        for name in changes_in(root / artifact.path, artifact.part):
            yield (
                f"{artifact.path}: {name} is damaged (its checksum is not the recorded one); "
                f"remove {root / artifact.path / name} and run the study again, which makes it anew"
            )


def _finished(recipe: Recipe, keys: Mapping[str, str]) -> Iterator[tuple[Artifact, bool]]:
    """Yield all that a run finishes, under recorded keys, and whether it is a level.

    Each comes after those that it lies in.
    """
    for stage in plan_study(recipe, UNKNOWN).stages:
        for artifact in stage.outputs:
            key = keys.get(artifact.title, "")
            yield artifact.under(key), isinstance(stage, LevelStage)


def _lies_in(artifact: Artifact, path: str) -> bool:
    return artifact.path.startswith(f"{path}/") or (artifact.part != "" and artifact.path == path)
