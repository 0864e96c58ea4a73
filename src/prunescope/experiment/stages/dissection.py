"""On how many pixels do the units of a level meet each label?"""

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import Ranks
from prunescope.dissection.basis_file import hash_directions
from prunescope.dissection.settings import ScoresOnly
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.stage import PlannedStudy, Stage
from prunescope.experiment.together import together
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import layer_path

if TYPE_CHECKING:
    from prunescope.experiment.plan import Plan
    from prunescope.experiment.runner import StageRunner
    from prunescope.results.counts import LayerCounts

AFTER = ("level", "evaluation")  # which tells the accuracy within moments


class DissectionStage(Stage):
    """The counts and top images of a level: an artifact for each layer, made in one go."""

    kind = "dissection"
    shared = True
    version = 6

    def __init__(self, study: PlannedStudy, level: LevelStage) -> None:
        super().__init__(
            study,
            path=level.path,
            title=f"dissecting {level.title}",
            inputs=(level,),
        )
        self.level = level

    @property
    def outputs(self) -> tuple[Artifact, ...]:
        layers = self.study.recipe.dissection.layers
        return tuple(Artifact(path=layer_path(self.path, layer), key="") for layer in layers)

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        layers = self.study.recipe.dissection.layers
        return tuple(
            output.under(
                self.key_of(
                    self.settings_once(layer=layer, **self._directions(layer)),
                    self.level.artifacts,
                )
            )
            for output, layer in zip(self.outputs, layers, strict=True)
        )

    def _directions(self, layer: str) -> Mapping[str, str]:
        """Return the content of the directions that a file states for a layer, if one does.

        Raises DataError where there are none.
        """
        dissection = self.study.recipe.dissection
        file = dissection.basis_file
        return {} if file is None else {"basis": hash_directions(file, layer, dissection.layers)}

    @property
    def layers(self) -> Mapping[str, Artifact]:
        """The artifact of each layer."""
        return dict(zip(self.study.recipe.dissection.layers, self.artifacts, strict=True))

    def settings(self) -> Mapping[str, Any]:
        dissection = self.study.recipe.dissection
        others = {"layers", *dissection.marked(ScoresOnly)}
        return {
            "concepts": self.study.facts.concepts.fingerprint,
            **{
                name: value
                for name, value in self.study.dissection_for_key.items()
                if name not in others
            },
            **({"masks": True} if dissection.keeps_masks else {}),
        }

    def cost(self) -> float:
        return float(self.study.facts.concepts.images)

    def perform(self, missing: tuple[Artifact, ...], runner: "StageRunner") -> str:
        """Dissect the layers whose artifacts are missing, in one pass over the pictures."""
        chosen = {layer: artifact for layer, artifact in self.layers.items() if artifact in missing}
        counts = self._count(tuple(chosen), runner)
        for layer, artifact in chosen.items():
            with runner.store.making(artifact, kind=self.kind) as folder:
                counts[layer].save(folder)
        return ""

    def _count(self, layers: tuple[str, ...], runner: "StageRunner") -> "Mapping[str, LayerCounts]":
        own = partial(self.count, layers, runner, runner.ranks, runner.progress)
        return together(runner.ranks, own, partial(_count_along, runner, self.title, layers))

    def count(
        self, layers: tuple[str, ...], runner: "StageRunner", ranks: Ranks, progress: Progress
    ) -> "Mapping[str, LayerCounts]":
        """Return the counts of layers, of which the processes take their batches."""
        from prunescope.dissection.run import count_layers
        from prunescope.networks.loading import load_network

        recipe = runner.recipe
        loaded = load_network(recipe.network, weights=runner.folder(self.level))
        expected = loaded.input
        assert expected is not None  # a level always says what its network sees
        settings = recipe.dissection.model_copy(update={"layers": layers})
        counted = count_layers(
            settings.completed(
                resolution=expected.resolution, mean=expected.mean, std=expected.std
            ),
            loaded.module.to(runner.device),
            runner.concepts,
            masks=settings.keeps_masks,
            units=loaded.units,
            ranks=ranks,
            progress=progress,
        )
        for masks in counted.masks.values():
            masks.exchange(ranks)
        return counted.layers


def stages_of(plan: "Plan") -> Iterator[Stage]:
    """Yield the dissection of each level."""
    for level in plan.of(LevelStage):
        yield DissectionStage(plan.study, level)


def _count_along(runner: "StageRunner", title: str, layers: tuple[str, ...], ranks: Ranks) -> None:
    stage: Any = runner.plan.named(title)
    stage.count(layers, runner, ranks, SILENT)
