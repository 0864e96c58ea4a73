"""What does a network lose without some units, beside as many random ones?"""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Unpack

import torch

from prunescope.base.arguments import takes
from prunescope.base.errors import ConfigError, nearest
from prunescope.base.modes import on_device
from prunescope.base.progress import SILENT, Progress
from prunescope.base.seeding import torch_generator
from prunescope.base.text import a_kind, counted, written
from prunescope.dissection.ablation import indices_of, layout_for, without_units
from prunescope.dissection.capture import find_layers
from prunescope.experiment.api import Model
from prunescope.experiment.handed_in import (
    computing,
    open_network,
    path_or_name,
    plain_classes,
)
from prunescope.experiment.measuring import ShownImages, evaluate_on, images_for
from prunescope.networks.loading import LoadedNetwork
from prunescope.results.ablation import Ablation
from prunescope.results.basis import basis_text
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.evaluation import Evaluation
from prunescope.results.opened import open_dissection
from prunescope.results.units import unit_numbers
from prunescope.statistics.ablation import count_ablation
from prunescope.training.settings import (
    AblationOptions,
    AblationSettings,
    EvaluationSettings,
)

_OF_CONTROLS = ("controls", "seed")


@takes(EvaluationSettings, AblationSettings)
def ablate(
    model: Model,
    layer: str,
    data: Path | str,
    *,
    units: int | Sequence[int] | None = None,
    concept: str | None = None,
    category: str | None = None,
    dissection: Dissection | LayerDissection | Path | str | None = None,
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
    **settings: Unpack[AblationOptions],
) -> Ablation:
    """Return the accuracy of a network without some units of a layer, as the command `ablate` does.

    The units are set to zero where the layer returns, for every image and cell, and so are, one set
    after the other, as many random units of the layer. The network computes plainly.

    model: a module, what `prunescope.load` returns for a network, or its name or file.
    layer: its name. data: labelled images, as `evaluate` takes them.
    units: their numbers, as in a dissection; or else
    concept: all units that are interpretable as this, in
    dissection: what `dissect` returned for this network, or the folder of it.
    category: of the concept, where several have one of this name.
    device: where to compute; where the model is when None. The model comes back as it was.
    progress: where to report.
    The Ablation has `classes` (a DataFrame: accuracy of each class with and without the units, and
    without random ones, with intervals), `predictions`, `summary()` and `save(folder)`
    (docs/dissection.md).
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    network = open_network(model)
    source = path_or_name(data, "data", "a folder of labelled images, a hub name or scenes")
    drawn = AblationSettings.validate_from(
        {name: value for name, value in settings.items() if name in _OF_CONTROLS}, "ablate"
    )
    stated = {name: value for name, value in settings.items() if name not in _OF_CONTROLS}
    stated |= {"classes": plain_classes(settings.get("classes")), "arithmetic": "plain"}
    measured = EvaluationSettings.validate_from(stated, "ablate")
    find_layers(network.module, [layer])
    wanted = _wanted(layer, units, concept, category, dissection)
    named = str(model) if isinstance(model, str | Path) else network.name
    training = network.module.training
    try:
        with computing(network) as plain, on_device(plain.module, device) as target:
            seen = images_for(plain, source, measured, progress=progress)
            ablating = _Ablating(plain, layer, seen, measured, target, progress)
            return ablating.without(
                wanted, drawn, {"network": named, "data": source, "concept": concept}
            )
    finally:
        network.module.train(training)


class _Ablating:
    """A network whose units are set to zero while it is evaluated on labelled images."""

    def __init__(
        self,
        network: LoadedNetwork,
        layer: str,
        seen: ShownImages,
        settings: EvaluationSettings,
        device: torch.device,
        progress: Progress,
    ) -> None:
        self._network, self._layer, self._seen = network, layer, seen
        self._settings, self._device, self._progress = settings, device, progress
        channels, side = len(seen.normalisation.mean), seen.images.size[0]
        self._layout, count = layout_for(network.module.to(device), layer, side, channels)
        numbers = None if network.units is None else network.units.get(layer)
        self._numbers: list[int] = unit_numbers(layer, numbers, count).tolist()

    def without(
        self, units: Sequence[int], drawn: AblationSettings, about: dict[str, Any]
    ) -> Ablation:
        """Evaluate the network whole, without these units, and without random ones."""
        indices = indices_of(self._layer, units, self._numbers)
        whole = self._evaluate("all units")
        ablated = self._evaluate(f"without {counted(len(indices), 'unit')}", indices)
        controls = [
            self._evaluate(f"control {number} of {drawn.controls}", random)
            for number, random in enumerate(self._random(indices, drawn), start=1)
        ]
        about |= {"split": self._seen.split, "layer": self._layer, "units": list(units)}
        return count_ablation(whole, ablated, controls, about | {"seed": drawn.seed})

    def _evaluate(self, title: str, indices: Sequence[int] = ()) -> Evaluation:
        module, progress = self._network.module, self._progress.titled(title)
        with without_units(module, self._layer, indices, layout=self._layout):
            return evaluate_on(self._seen, self._network, self._settings, self._device, progress)

    def _random(self, indices: Sequence[int], drawn: AblationSettings) -> Iterator[tuple[int, ...]]:
        """Yield sets of as many other units, each drawn without replacement."""
        ablated = set(indices)
        others = [index for index in range(len(self._numbers)) if index not in ablated]
        if drawn.controls and len(others) < len(indices):
            self._progress.say(
                f"no random units to compare with: {self._layer} has "
                f"{counted(len(others), 'other unit')}, fewer than are ablated"
            )
            return
        for number in range(drawn.controls):
            generator = torch_generator(drawn.seed, "ablation", number)
            order = torch.randperm(len(others), generator=generator)[: len(indices)]
            yield tuple(others[index] for index in order.tolist())


def _wanted(
    layer: str,
    units: int | Sequence[int] | None,
    concept: str | None,
    category: str | None,
    dissection: Dissection | LayerDissection | Path | str | None,
) -> tuple[int, ...]:
    """Return the numbers of the units that are meant. Raises ConfigError where that is not one."""
    if (units is None) == (concept is None):
        raise ConfigError(
            "name either units (--unit), or a concept and the dissection in which they see it "
            "(--concept with --dissection)"
        )
    if units is not None:
        if dissection is not None or category is not None:
            raise ConfigError(
                "dissection and category belong to a concept: leave them out where units are named"
            )
        numbers = list(units) if isinstance(units, Iterable) else [units]
        whole = all(isinstance(each, Integral) and not isinstance(each, bool) for each in numbers)
        if not whole or not numbers or len(set(numbers)) != len(numbers):
            raise ConfigError(
                f"units are {written(numbers, 60)}: name one or more by their numbers, each once"
            )
        return tuple(map(int, numbers))
    if dissection is None:
        raise ConfigError(
            f'which units see "{concept}"? Give a dissection of this network (--dissection)'
        )
    return _seeing(str(concept), category, _dissected(dissection, layer))


def _dissected(
    dissection: Dissection | LayerDissection | Path | str, layer: str
) -> LayerDissection:
    if isinstance(dissection, str | Path):
        dissection = open_dissection(Path(dissection).expanduser())
    dissected = dissection[layer] if isinstance(dissection, Dissection) else dissection
    if not isinstance(dissected, LayerDissection):
        raise ConfigError(
            f"dissection is {a_kind(dissected)}: give a Dissection, a LayerDissection or a path"
        )
    if dissected.layer != layer:
        raise ConfigError(f"the dissection is of {dissected.layer}, but the layer is {layer}")
    along = basis_text(dissected.summary)
    if along is not None:
        raise ConfigError(
            f"the dissection is of {along}, but units are ablated: give one without a basis"
        )
    return dissected


def _seeing(concept: str, category: str | None, dissected: LayerDissection) -> tuple[int, ...]:
    """Return the interpretable units of a concept. Raises ConfigError where there are none."""
    units = dissected.units[dissected.units["interpretable"].astype(bool)]
    named = units[units["concept"] == concept]
    homes = sorted(named["category"].unique())
    if category is None and len(homes) > 1:
        raise ConfigError(
            f'"{concept}" is a label of {" and ".join(homes)}: say which category (--category)'
        )
    if category is not None:
        named = named[named["category"] == category]
    if not len(named):
        of = "" if category is None else f" of the category {category}"
        hint = nearest(concept, sorted(units["concept"].dropna().unique()))
        raise ConfigError(
            f'no unit of {dissected.layer} is interpretable as "{concept}"{of}{hint}: '
            "`prunescope concept` and the table of units show what they see"
        )
    return tuple(int(number) for number in named["unit"])
