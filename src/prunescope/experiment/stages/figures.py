"""What do the finished levels say, as figures?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.experiment.stage import FolderStage, Stage
from prunescope.experiment.stages.tables import TablesStage
from prunescope.results.layout import FIGURES

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner

AFTER = ("tables",)


class FiguresStage(FolderStage):
    """The paper's figures, drawn from the tables."""

    kind = "figures"
    version = 6
    derived = True

    def __init__(self, tables: TablesStage) -> None:
        super().__init__(tables.study, path=FIGURES, title="figures", inputs=(tables,))
        self.tables = tables

    def settings(self) -> Mapping[str, Any]:
        return {"missing": self.tables.missing, **self.tables.study.recipe.figures.for_key()}

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.report.figures import draw_figures

        formats = self.tables.study.recipe.figures.formats
        draw_figures(self.tables.shown(runner), folder, formats)
        return self.tables.missing


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield the figures of the tables, if there are any."""
    for tables in plan.of(TablesStage):
        yield FiguresStage(tables)
