"""How good are networks on labelled images, whatever a user hands in?"""

from dataclasses import replace
from pathlib import Path
from typing import Unpack

import torch

from prunescope.base.arguments import takes
from prunescope.base.errors import ConfigError, InputError
from prunescope.base.modes import device_of, on_device
from prunescope.base.progress import SILENT, Progress
from prunescope.experiment.api import Model
from prunescope.experiment.handed_in import computing, open_network, path_or_name, plain_classes
from prunescope.experiment.measuring import evaluate_network
from prunescope.experiment.pairs import OpenSide, measure_pair
from prunescope.experiment.sides import keys_of_sides, on_side, open_side
from prunescope.networks.loading import RANDOM, LoadedNetwork
from prunescope.results.evaluation import Evaluation, check_room
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.run import Level
from prunescope.training.settings import (
    EvaluationOptions,
    EvaluationSettings,
    TimingOptions,
    TimingSettings,
)

_DATA = "a folder of labelled images, a hub name or scenes"


class PairOptions(EvaluationOptions, TimingOptions):
    """The settings of two networks' evaluation, as a function takes them by keyword."""


@takes(EvaluationSettings)
def evaluate(
    model: Model,
    data: Path | str,
    *,
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
    **settings: Unpack[EvaluationOptions],
) -> Evaluation:
    """Return a network's accuracy and loss on labelled images, as the command `evaluate` does.

    model: a module, what `prunescope.load` returns for a network, or its name or file.
    data: the folder of labelled images, a hub name, or "scenes" (docs/data.md).
    device: where to compute; where the model is when None. The model comes back as it was.
    progress: where to report.
    The Evaluation has `top1` and `top5` (shares), `loss` (mean cross entropy, nats), `images`,
    `per_class`, `predictions` (a DataFrame: what the network said of each image) and
    `save(DIR)`. Raises ConfigError or DataError saying what is wrong and what to do.
    """
    network = open_network(model)
    source = path_or_name(data, "data", _DATA)
    stated = _stated(settings)
    training = network.module.training
    try:
        with computing(network) as plain, on_device(plain.module, device) as target:
            found = evaluate_network(plain, source, stated, device=str(target), progress=progress)
    finally:
        network.module.train(training)
    named = str(model) if isinstance(model, str | Path) else network.name
    return replace(found, about={**found.about, "network": named})


@takes(EvaluationSettings, TimingSettings)
def evaluate_pair(
    a: Model,
    b: Model,
    data: Path | str,
    *,
    network: str | None = None,
    num_classes: int | None = None,
    key: str | None = None,
    out: Path | str | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
    **settings: Unpack[PairOptions],
) -> EvaluationPair:
    """Lay two networks side by side on the same labelled images, as `evaluate A B` does.

    a, b: files of weights, levels of a run, modules, or what `prunescope.load` returns for one.
    data: the folder of labelled images, a hub name, or "scenes" (docs/data.md).
    num_classes, network: of files of weights that do not say to which network they belong.
    key: which network of files that hold several ("state_dict_ema"), of A and B alike; two names
        with a comma between them where they differ, and nothing for a side that needs none.
    out: a folder for the result. device: where to compute; a GPU if there is one when None.
    progress: where to report.
    The EvaluationPair has `classes` (a DataFrame: how each class's accuracy changes, with
    intervals), `predictions` (what each said of each image) and `summary()`: accuracy and its
    change, agreement, flips, calibration, multiply-adds, bytes and latency (docs/comparing.md).
    Raises ConfigError or DataError, saying on which side, for what cannot be opened or evaluated.
    """
    source = path_or_name(data, "data", _DATA)
    timed = {"rounds": settings.pop("rounds")} if "rounds" in settings else {}
    timing, stated = TimingSettings.validate_from(timed, "evaluate"), _stated(settings)
    place = None if out is None else Path(out)
    if place is not None:
        check_room(place)
    sides = [
        _open(letter, side, network, num_classes, of_side)
        for letter, side, of_side in zip("AB", (a, b), keys_of_sides(key), strict=True)
    ]
    modules = [side.network.module for side in sides]
    modes = [module.training for module in modules]
    places = [device_of(module) for module in modules]
    try:
        with computing(sides[0].network) as plain_a, computing(sides[1].network) as plain_b:
            found = measure_pair(
                replace(sides[0], network=plain_a),
                replace(sides[1], network=plain_b),
                source,
                stated,
                rounds=timing.rounds,
                device=device,
                progress=progress,
            )
    finally:
        for module, mode, before in zip(modules, modes, places, strict=True):
            module.train(mode).to(before)
    if place is not None:
        found.save(place)
    return found


def _stated(settings: EvaluationOptions) -> EvaluationSettings:
    classes = plain_classes(settings.get("classes"))
    return EvaluationSettings.validate_from({**settings, "classes": classes}, "evaluate")


def _open(
    letter: str, side: Model, network: str | None, num_classes: int | None, key: str | None
) -> OpenSide:
    """Open one of two networks. Raises ConfigError or DataError, saying which."""
    if isinstance(side, Level):
        side = side.path
    if not isinstance(side, str | Path):
        try:
            opened = open_network(side)
        except InputError as error:
            raise type(error)(f"{letter}: {error}") from error
        return OpenSide(name=opened.name, network=opened)
    with on_side(letter, side):
        loaded = open_side(side, network, num_classes, key)
        if not isinstance(loaded, LoadedNetwork):
            raise ConfigError("it is no network: give a file of weights or a level of a run")
    path = Path(side).expanduser()
    is_file = str(side) != RANDOM or path.exists()
    return OpenSide(name=str(side), network=loaded, path=path if is_file else None)
