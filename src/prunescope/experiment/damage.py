"""What of a run's finished parts is no longer as it was written, and how is it made again?"""

import os
from collections.abc import Sequence
from pathlib import Path

from prunescope.base.progress import Progress
from prunescope.experiment.plan import Plan
from prunescope.experiment.status import damaged_parts
from prunescope.results.manifest import stamp_of
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store


def find_damage(plan: Plan, store: Store) -> list[Path]:
    """Return the files of finished artifacts whose content is no longer as written.

    Only those are read that were written, or seen whole, at another time than the system says.
    """
    provenance = Provenance(store.root)
    return [
        file
        for artifact in plan.artifacts
        if artifact.at(store.root).key == artifact.key
        and provenance.stamp_of(artifact) != stamp_of(store.root / artifact.path, artifact.part)
        for file in store.changes(artifact)
    ]


def clear_damage(plan: Plan, store: Store, changed: Sequence[Path], progress: Progress) -> None:
    """Make way for what is made again, and say what it is.

    changed: what `find_damage` found. Damaged files are kept in `outdated`.
    """
    for file in changed:
        if os.path.lexists(file):
            progress.say(f"warning: {file} is damaged (its checksum is not the recorded one)")
            store.put_away(file)
    provenance = Provenance(store.root)
    for flaw in damaged_parts(plan, store, provenance):
        progress.say(f"warning: {flaw}; it is made again")
    stamps = {}
    for artifact in plan.artifacts:
        if provenance.has(artifact):
            store.reclaim(artifact)
        stamp = stamp_of(store.root / artifact.path, artifact.part)
        if store.has(artifact) and provenance.stamp_of(artifact) != stamp:
            stamps[artifact.title] = stamp
    provenance.seen_whole(stamps)
