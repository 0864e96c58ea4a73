"""What do the finished levels say, as a page that shows what their units see?"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.experiment.stage import FolderStage, Stage
from prunescope.experiment.stages.figures import FiguresStage
from prunescope.results.layout import REPORT, VERDICT

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner

AFTER = ("figures",)


class PageStage(FolderStage):
    """The page of a study: facts, verdict, figures, tables, and the units of every level."""

    kind = "report"
    version = 9
    derived = True
    reads_concepts = True

    def __init__(self, figures: FiguresStage) -> None:
        self.tables, self.figures = figures.tables, figures
        inputs = (self.tables, figures)
        super().__init__(figures.study, path=REPORT, title="report", inputs=inputs)

    def settings(self) -> Mapping[str, Any]:
        recipe = self.study.recipe
        return {
            "recipe": recipe.placeless().for_key(),
            **{"name": recipe.name, "facts": recipe.facts, "missing": self.tables.missing},
        }

    def make(self, folder: Path, runner: "StageRunner") -> str:
        from prunescope.concepts.label_makers import labels_note
        from prunescope.report.pages.study import write_study_page
        from prunescope.results.class_tables import read_exemplars
        from prunescope.results.left_out import LEFT_OUT, left_out_text, names_left_out
        from prunescope.results.reading import read_form
        from prunescope.results.run_tables import left_out_of_run, read_shares, read_strategies
        from prunescope.results.schemas import VERDICT_FORM

        dissected = {
            measured.level.key: list(measured.layer_folders(runner))
            for measured in sorted(self.tables.levels, key=lambda each: each.level.key.is_twin)
        }
        tables, drawn = runner.folder(self.tables), runner.folder(self.figures)
        recipe, images = self.study.recipe, len(runner.concepts.images)
        labels = labels_note(runner.concepts)
        write_study_page(
            folder,
            name=recipe.name,
            facts=recipe.facts
            | {"Labelled images": f"{images:,}"}
            | ({} if labels is None else {"Labels": labels}),
            shown=self.tables.shown(runner),
            figures={path.stem: path.read_bytes() for path in drawn.glob("*.svg")},
            verdicts=read_form(tables / VERDICT, VERDICT_FORM),
            dissections=dissected,
            shares=read_shares(runner.store.root),
            draws=recipe.resampling.draws,
            strategies=read_strategies(runner.store.root),
            concepts=runner.concepts,
            exemplars=read_exemplars(runner.store.root),
            made={"Seeds": self._seeds(), "Hashes": self._hashes()},
            recipe=recipe.placeless().to_yaml(),
            missing=self.tables.missing,
            left_out=left_out_text(names_left_out({LEFT_OUT: left_out_of_run(runner.store.root)})),
            progress=runner.progress,
        )
        return self.tables.missing

    def _seeds(self) -> dict[str, str]:
        """Return from which seeds each replicate was drawn, in words."""
        return {
            f"Replicate {number}": ", ".join(
                f"{name.replace('_', ' ')} {seed}"
                for name, seed in asdict(self.study.seeds(number)).items()
            )
            for number in range(self.study.recipe.replicates)
        }

    def _hashes(self) -> dict[str, str]:
        """Return the fingerprints of what was read, and the key of every level."""
        facts = self.study.facts
        levels = (measured.level for measured in self.tables.levels)
        return {
            "Photographs": facts.data.fingerprint,
            "Concept set": facts.concepts.fingerprint,
            **{level.title: level.artifacts[0].key for level in levels},
        }


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield the page of the figures, if there are any."""
    for figures in plan.of(FiguresStage):
        yield PageStage(figures)
