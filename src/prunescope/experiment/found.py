"""What does a run folder hold that was moved, copied, or joined with another?"""

import socket
from collections.abc import Iterator
from pathlib import Path

from prunescope.base.progress import Progress
from prunescope.base.text import counted
from prunescope.experiment.plan import Plan
from prunescope.experiment.stage import Stage
from prunescope.experiment.status import is_done
from prunescope.results.layout import PROVENANCE
from prunescope.results.manifest import stamp_of
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store


def put_in_order(plan: Plan, store: Store, progress: Progress) -> None:
    """Say what a locked run folder holds unexpectedly; make way for what is made again.

    What is finished and not in the run's record is taken, and recorded: `find_damage` has compared
    it with its checksums. Nothing is removed.
    """
    provenance = Provenance(store.root)
    progress.say_all(_moved(store.root, provenance))
    progress.say_first(_halves_reclaimed(plan, store, provenance))
    progress.say_all(_adopted(plan, store, provenance))


def _halves_reclaimed(plan: Plan, store: Store, provenance: Provenance) -> Iterator[str]:
    """Yield what is said of each artifact that is half there, before way is made for it."""
    for artifact in plan.artifacts:
        if not provenance.has(artifact) and store.is_half_there(artifact):
            yield (
                f"warning: {artifact.path} is half there, as after a copy that was cut short: it "
                "is moved to outdated/, and made again"
            )
            store.reclaim(artifact)


def _moved(root: Path, provenance: Provenance) -> str | None:
    before, here = provenance.last_place, (socket.gethostname(), str(root.resolve()))
    if before is None or before[1] == here[1]:
        return None
    host, folder = before
    of = "" if host == here[0] else f" on {host}"
    return f"this run was last written at {folder}{of}: it was moved or copied, and goes on here"


def _adopted(plan: Plan, store: Store, provenance: Provenance) -> str | None:
    """Record what is finished and not recorded; say what that is."""
    strangers = [
        stage
        for stage in plan.stages
        if not stage.derived
        and is_done(stage, store)
        and not all(provenance.has(artifact) for artifact in stage.artifacts)
    ]
    if not strangers:
        return None
    kinds = {artifact: stage.kind for stage in strangers for artifact in stage.artifacts}
    stamps = {each: stamp_of(store.root / each.path, each.part) for each in kinds}
    provenance.adopt_found(kinds, stamps)
    return (
        f"{_named(strangers)} finished, but not in {PROVENANCE}: copied here from another run, "
        "or made by a process that was killed before it could record it; taken as it is"
    )


def _named(stages: list[Stage]) -> str:
    first, *others = stages
    more = f" and {counted(len(others), 'more stage')}" if others else ""
    return f"{first.title}{more} {'are' if others else 'is'}"
