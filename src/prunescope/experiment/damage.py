"""What of a run's finished parts is no longer as it was written, and how is it made again?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.progress import Progress
from prunescope.experiment.plan import Plan
from prunescope.experiment.status import damaged_parts
from prunescope.results.manifest import stamp_of
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
        slot = artifact.at(store.root)
        if provenance.is_untouched(artifact) or slot.key != artifact.key:
            continue
        stamp = stamp_of(slot.folder, slot.part)
        if changes := store.changes(artifact):
            files += changes
        elif stamp:
            stamps[artifact.title] = stamp
    return Damage(files=tuple(files), stamps=stamps)


def clear_damage(plan: Plan, store: Store, found: Damage, progress: Progress) -> None:
    """Make way for what is made again, and say what it is; damaged files stay in `outdated`."""
    for file in found.files:
        if os.path.lexists(file):
            progress.say(f"warning: {file} is damaged (its checksum is not the recorded one)")
            put_away(store.root, file)
    provenance = Provenance(store.root)
    provenance.seen_whole(found.stamps)
    artifacts = [each for each in plan.artifacts if not provenance.is_untouched(each)]
    for flaw in damaged_parts(artifacts, store, provenance):
        progress.say(f"warning: {flaw}; it is made again")
    for artifact in artifacts:
        if provenance.has(artifact):
            store.reclaim(artifact)
