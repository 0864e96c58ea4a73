"""What is a run folder that tests can afford, and what does one hold, byte for byte?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # conftest imports this before shapes are checked
    from prunescope.recipe import Recipe

BESIDE = {"provenance.json", ".lock"}
"""The record of when and where, and who writes: the only files that may differ."""


def contents(out: Path) -> dict[str, bytes]:
    """Return every file of a run folder by its name, but the record of when and where."""
    files = (path for path in out.rglob("*") if path.is_file())
    named = {path.relative_to(out).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in named.items() if name not in BESIDE}


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
        "replicates": 2,
    }


def make_levels(study: "Recipe", out: Path) -> Path:
    """Make what a study trains and prunes alone: no dissection, table, figure or page."""
    from prunescope.base.progress import SILENT
    from prunescope.experiment.plan import plan_study
    from prunescope.experiment.sources import Sources
    from prunescope.experiment.workshop import Workshop
    from prunescope.results.store import Store

    sources, store = Sources(study), Store(out)
    plan = plan_study(study, sources)
    out.mkdir(exist_ok=True)
    (out / "study.yaml").write_text(study.to_yaml())
    workshop = Workshop(study, store, sources, plan)
    for stage in plan.stages:
        if stage.kind in ("rewind", "level"):
            workshop.perform(stage, SILENT)
    return out
