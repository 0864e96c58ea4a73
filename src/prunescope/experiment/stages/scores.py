"""Which concept or formula does each unit of a level see, and what of it is due to chance?"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.dissection.settings import ScoresOnly
from prunescope.experiment.stage import PlannedStudy, Stage
from prunescope.experiment.stages.dissection import DissectionStage
from prunescope.results.artifacts import Artifact

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner
    from prunescope.results.dissection import LayerDissection

AFTER = ("dissection",)
_CHANCE_VERSION = 3
"""Of what only scores with draws of chance hold, beside the version of all."""


class ScoresStage(Stage):
    """The scores of a dissection, from its saved counts: an artifact for each layer."""

    kind = "scores"
    version = 2
    part = "scores"

    def __init__(self, study: PlannedStudy, dissection: DissectionStage) -> None:
        super().__init__(
            study,
            path=dissection.path,
            title=f"scoring {dissection.level.title}",
            inputs=(dissection,),
        )
        self.dissection = dissection

    @property
    def outputs(self) -> tuple[Artifact, ...]:
        return tuple(
            Artifact(path=counts.path, key="", part=self.part) for counts in self.dissection.outputs
        )

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        settings = self.settings_once()
        return tuple(
            output.under(self.key_of(settings, (counts,)))
            for output, counts in zip(self.outputs, self.dissection.artifacts, strict=True)
        )

    @property
    def layers(self) -> Mapping[str, Artifact]:
        """The artifact of each layer."""
        return dict(zip(self.dissection.layers, self.artifacts, strict=True))

    def settings(self) -> Mapping[str, Any]:
        dissection = self.study.recipe.dissection
        of_scores = dissection.marked(ScoresOnly)
        return {
            **{
                name: value
                for name, value in self.study.dissection_for_key.items()
                if name in of_scores
            },
            **({"chance": _CHANCE_VERSION} if dissection.null else {}),
        }

    def cost(self) -> float:
        is_counted = self.study.recipe.dissection.keeps_masks
        return float(self.study.facts.concepts.images) if is_counted else 0.0

    def perform(self, missing: tuple[Artifact, ...], runner: "StageRunner") -> str:
        """Score the layers whose artifacts are missing; permute their labels together."""
        from prunescope.dissection.scores import score_layer
        from prunescope.results.counts import LayerCounts

        chosen = {layer: artifact for layer, artifact in self.layers.items() if artifact in missing}
        folders = {layer: runner.store.folder(self.dissection.layers[layer]) for layer in chosen}
        settings, name = self.study.recipe.dissection, self.study.recipe.concepts.source
        layers = {
            layer: score_layer(LayerCounts.load(folder), settings, name)
            for layer, folder in folders.items()
        }
        if settings.keeps_masks:
            layers = _from_masks(layers, folders, runner)
        for layer, artifact in chosen.items():
            with runner.store.making(artifact, kind=self.kind) as folder:
                layers[layer].save_scores(folder)
        return ""


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield the scores of each dissection."""
    for dissection in plan.of(DissectionStage):
        yield ScoresStage(plan.study, dissection)


def _from_masks(
    layers: "dict[str, LayerDissection]", folders: Mapping[str, Path], runner: "StageRunner"
) -> "dict[str, LayerDissection]":
    """Return scored layers with what follows from masks. folders: of their counts and masks."""
    from prunescope.dissection.chance.more import load_masks
    from prunescope.dissection.from_masks import completed_from_saved

    masks = {
        layer: load_masks(folder, len(layers[layer].units)) for layer, folder in folders.items()
    }
    settings = runner.recipe.dissection
    return completed_from_saved(layers, masks, runner.concepts, settings, progress=runner.progress)
