"""How do finished levels become tables, figures and a page?"""

from collections.abc import Iterator
from pathlib import Path

from prunescope.base.progress import Progress
from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.experiment.plan import Plan
from prunescope.experiment.sources import Sources
from prunescope.recipe import Recipe
from prunescope.report.figures import draw_figures
from prunescope.report.page import write_page
from prunescope.results.layout import EXAMPLES, LEVELS, METRICS, SUMMARY, UNITS, LevelKey
from prunescope.results.reading import read_form, read_table
from prunescope.results.run_tables import read_levels
from prunescope.results.schemas import DISSECTION_FORM, EXAMPLE_COLUMNS, METRICS_FORM, UNIT_COLUMNS
from prunescope.results.store import Store


def check_readable(plan: Plan, store: Store) -> None:
    """Raise DataError where what the results are made from cannot be read."""
    for level in plan.levels:
        read_form(store.root / level.artifact.path / METRICS, METRICS_FORM)
        for artifact in level.dissections.values():
            folder = store.root / artifact.path
            read_table(folder / UNITS, UNIT_COLUMNS)
            read_table(folder / EXAMPLES, EXAMPLE_COLUMNS)
            read_form(folder / SUMMARY, DISSECTION_FORM)


def make_tables(plan: Plan, store: Store, folder: Path) -> None:
    """Write `levels.csv` and `units.parquet` from every level of the plan."""
    write_tables(list(_records(plan, store)), folder)


def make_figures(plan: Plan, store: Store, folder: Path) -> None:
    """Draw the paper's four figures from the tables."""
    draw_figures(read_levels(store.folder(plan.tables) / LEVELS), folder)


def make_report(
    study: Recipe, plan: Plan, store: Store, sources: Sources, folder: Path, progress: Progress
) -> None:
    """Write the page from the tables, the figures and each level's dissections."""
    dissected = {
        LevelKey(replicate=level.replicate, strategy=level.strategy, level=level.level): [
            store.folder(artifact) for artifact in level.dissections.values()
        ]
        for level in plan.levels
    }
    write_page(
        folder,
        name=study.name,
        facts=study.facts | {"Labelled images": f"{len(sources.concepts.images):,}"},
        levels=read_levels(store.folder(plan.tables) / LEVELS),
        dissections=dissected,
        concepts=sources.concepts,
        progress=progress,
    )


def _records(plan: Plan, store: Store) -> Iterator[LevelRecord]:
    for level in plan.levels:
        metrics = read_form(store.folder(level.artifact) / METRICS, METRICS_FORM)
        units = {
            layer: read_table(store.folder(artifact) / UNITS, UNIT_COLUMNS)
            for layer, artifact in level.dissections.items()
        }
        yield LevelRecord(
            replicate=level.replicate,
            strategy=level.strategy,
            level=level.level,
            keep=metrics["keep"],
            keep_overall=metrics["keep_overall"],
            accuracy=metrics["top1"],
            units=units,
        )
