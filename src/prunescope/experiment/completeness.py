"""What has a run lost of what it had finished, and which of its files have changed since?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import FIGURES, REPORT, TABLES, layer_path, rewind_path
from prunescope.results.manifest import changes_in, flaws_of
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store

_RESULTS = (TABLES, FIGURES, REPORT)
_AGAIN = "the same run makes it again"


def find_losses(root: Path, study: Recipe, levels: Sequence[str]) -> Mapping[str, list[str]]:
    """Return, by the path of what was finished, what is missing of it or of another size.

    levels: the paths of all levels of the study. What lies inside a folder that is missing goes
    without saying.
    """
    losses: dict[str, list[str]] = {}
    store, keys = Store(root), Provenance(root).finished_keys
    for path in _paths(study, levels):
        if any(not (root / lost).is_dir() and path.startswith(f"{lost}/") for lost in losses):
            continue
        found = flaws_of(root / path)
        if not found and path in keys:
            loss = store.loss(Artifact(path=path, key=keys[path]))
            what = "the whole level" if path in levels else "all of it"
            found = [loss.replace("is missing", f"{what} is missing")] if loss else []
        if found:
            losses[path] = [f"{path}: {flaw}; {_AGAIN}" for flaw in found]
    return losses


def find_changes(root: Path, study: Recipe, levels: Sequence[str]) -> Iterator[str]:
    """Yield which files of finished folders have another checksum than their manifest recorded."""
    for path in _paths(study, levels):
        for name in changes_in(root / path):
            yield (
                f"{path}: {name} is damaged (its checksum is not the recorded one); "
                f"remove {root / path} and run the study again to make it anew"
            )


def _paths(study: Recipe, levels: Sequence[str]) -> Iterator[str]:
    """Yield the paths of all that a run finishes, each after those that it lies in."""
    if study.start is None or study.start.rewind_weights is not None:
        yield from (rewind_path(replicate) for replicate in range(study.replicates))
    for level in levels:
        yield level
        yield from (layer_path(level, layer) for layer in study.dissection.layers)
    yield from _RESULTS
