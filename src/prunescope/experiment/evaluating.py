"""How good are networks on labelled images, whatever a user hands in?"""

from dataclasses import replace
from pathlib import Path
from typing import Unpack

import torch

from prunescope.base.arguments import takes
from prunescope.base.modes import on_device
from prunescope.base.progress import SILENT, Progress
from prunescope.experiment.api import Model
from prunescope.experiment.handed_in import computing, open_network, path_or_name, plain_classes
from prunescope.experiment.single import evaluate_network
from prunescope.results.evaluation import Evaluation
from prunescope.training.settings import EvaluationOptions, EvaluationSettings


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
    source = path_or_name(data, "data", "a folder of labelled images, a hub name or scenes")
    classes = plain_classes(settings.get("classes"))
    stated = EvaluationSettings.validate_from({**settings, "classes": classes}, "evaluate")
    training = network.module.training
    try:
        with computing(network) as plain, on_device(plain.module, device) as target:
            found = evaluate_network(plain, source, stated, device=str(target), progress=progress)
    finally:
        network.module.train(training)
    named = str(model) if isinstance(model, str | Path) else network.name
    return replace(found, about={**found.about, "network": named})
