"""What is a run folder that tests can afford, and what does one hold, byte for byte?"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from prunescope.base.progress import SILENT
from prunescope.experiment.plan import plan_study
from prunescope.experiment.runner import StageJob, StageRunner
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.stage import Stage
from prunescope.recipe import Recipe
from prunescope.results.store import Store

BESIDE = {"provenance.json", ".lock"}
"""The record of when and where, and who writes: the only files that may differ."""


def contents(out: Path) -> dict[str, bytes]:
    """Return every file of a run folder by its name, but the record of when and where."""
    files = (path for path in out.rglob("*") if path.is_file())
    named = {path.relative_to(out).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in named.items() if name not in BESIDE}


def perform(
    recipe: Recipe,
    out: Path,
    kinds: Collection[str],
    *,
    first: bool = False,
    replicates: Collection[int] | None = None,
) -> None:
    """Make the artifacts of some kinds of stages of a study, without tables and page.

    first: only one of each kind. replicates: only theirs, and what these need of others.
    """
    out.mkdir(exist_ok=True)
    plan = plan_study(recipe, facts_of(recipe))
    runner = StageRunner(plan, Store(out))
    chosen = [stage for stage in plan.stages if stage.kind in kinds]
    if replicates is not None:
        theirs = [stage for stage in chosen if _replicate(stage) in replicates]
        chosen = [stage for stage in plan.with_inputs(theirs).stages if stage in chosen]
    if first:
        chosen = list({stage.kind: stage for stage in reversed(chosen)}.values())
        chosen = [stage for stage in plan.stages if stage in chosen]
    for stage in chosen:
        runner.perform(StageJob(name=stage.title, after=(), resources=stage.resources), SILENT)


def _replicate(stage: Stage) -> int | None:
    return None if stage.level_key is None else stage.level_key.replicate


def make_levels(recipe: Recipe, out: Path, *, replicates: Collection[int] | None = None) -> Path:
    """Make the run of a study as far as its levels: no dissection, table, figure or page."""
    perform(recipe, out, ("rewind", "level", "evaluation"), replicates=replicates)
    (out / "study.yaml").write_text(recipe.to_yaml())
    return out


def tiny_recipe(pictures: Path) -> dict[str, Any]:
    """Return a recipe: two replicates, two pruned levels, a network of a few thousand weights.

    pictures: a handful, 32 pixels wide, as `draw_scenes` draws them.
    """
    return {
        "name": "tiny",
        "network": "cifar_resnet20,width=0.25",
        "data": {"source": str(pictures / "images"), "test_split": "val"},
        "training": {
            "to": "3ep",
            "batch_size": 16,
            "learning_rate": 0.05,
            "weight_decay": 1e-4,
            "milestones": ["2ep"],
            "augmentation": {"pad": 2, "flip": True},
        },
        "pruning": {
            "rewind_to": "1ep1it",
            "strategies": {"lottery": {"fraction": 0.2, "levels": 2}},
        },
        "concepts": {"source": f"broden:{pictures}", "split": "val"},
        "dissection": {"layers": ["layer2", "layer3"], "quantile": 0.01, "examples": 4},
        "figures": {"formats": []},  # but svg: the others take as long as two trainings
        "replicates": 2,
    }
