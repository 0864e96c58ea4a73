"""What is a run folder's study, even if what it was made from is gone?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.progress import SILENT, Progress
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.source_facts import facts_of_run
from prunescope.recipe import load_recipe
from prunescope.results.layout import STUDY
from prunescope.results.provenance import Provenance
from prunescope.results.store import Store, require_study


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run folder, its record, and the plan of its study.

    unread: why "data" or "concepts" cannot be read now, so that they are taken as recorded.
    """

    plan: Plan
    store: Store
    provenance: Provenance
    unread: Mapping[str, str]


def open_run(out: Path, progress: Progress = SILENT) -> OpenRun:
    """Open a run folder. Raises ConfigError where it is none."""
    require_study(out)
    recipe = load_recipe(out / STUDY)
    provenance = Provenance(out)
    facts, unread = facts_of_run(recipe, provenance.sources, progress)
    plan = plan_study(recipe, facts)
    return OpenRun(plan=plan, store=Store(out), provenance=provenance, unread=unread)
