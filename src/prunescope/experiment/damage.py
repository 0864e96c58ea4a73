"""What of a run's finished parts is no longer as it was written, and how is it made again?"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.progress import Progress
from prunescope.experiment.plan import Plan
from prunescope.experiment.status import damaged_parts
from prunescope.results.manifest import read_manifest, stamp_of
from prunescope.results.provenance import Provenance
from prunescope.results.reclaiming import put_away
from prunescope.results.store import Store


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Files of finished artifacts that are no longer as written.

    stamps: of the artifacts, by title, that were compared with their checksums and are whole.
    """

    files: tuple[Path, ...]
    stamps: Mapping[str, str]


def find_damage(plan: Plan, store: Store) -> Damage:
    """Compare finished artifacts with their checksums.

    Those alone that were made, or compared before, at another time than the system now says.
    """
    provenance = Provenance(store.root)
    files: list[Path] = []
    stamps: dict[str, str] = {}
    for artifact in plan.artifacts:
        if provenance.is_untouched(artifact):
            continue
        folder = store.root / artifact.path
        manifest = read_manifest(folder, artifact.part)
        if manifest is None or manifest.key != artifact.key:
            continue
        stamp = stamp_of(folder, artifact.part, manifest)
        if changes := store.changes(artifact):
            files += changes
        elif stamp:
            stamps[artifact.title] = stamp
    return Damage(files=tuple(files), stamps=stamps)


def clear_damage(plan: Plan, store: Store, found: Damage, progress: Progress) -> None:
    """Make way for what is made again, and say what it is; damaged files stay in `outdated`."""
    progress.say_first(_put_away(found.files, store))
    provenance = Provenance(store.root)
    provenance.seen_whole(found.stamps)
    artifacts = [each for each in plan.artifacts if not provenance.is_untouched(each)]
    flaws = damaged_parts(artifacts, store, provenance)
    progress.say_first(f"warning: {flaw}; it is made again" for flaw in flaws)
    for artifact in artifacts:
        if provenance.has(artifact):
            store.reclaim(artifact)


def _put_away(files: Iterable[Path], store: Store) -> Iterator[str]:
    """Yield what is said of each damaged file that is there, before it is put away."""
    for file in files:
        if os.path.lexists(file):
            yield f"warning: {file} is damaged (its checksum is not the recorded one)"
            put_away(store.root, file)
