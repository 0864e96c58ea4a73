"""Can a study be carried out at all? Found out before anything is written."""

import torch

from prunescope.base.errors import ConfigError
from prunescope.base.steps import Step
from prunescope.dissection.capture import capture
from prunescope.experiment.sources import Sources
from prunescope.networks import build
from prunescope.pruning.prunable import prunable_names
from prunescope.study import Study
from prunescope.training.loop import steps_per_epoch


def check_study(study: Study, sources: Sources) -> None:
    """Read the photographs and concepts, build the network, and look at the layers once.

    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    images, test_images, _ = sources.train_images, sources.test_images, sources.normalisation
    if images.classes != test_images.classes:
        raise ConfigError(
            f"the splits {study.data.train_split} and {study.data.test_split} of "
            f"{study.data.source} do not have the same classes"
        )
    per_epoch = steps_per_epoch(len(images), study.training.batch_size)
    if len(images) % study.training.batch_size == 1:
        raise ConfigError(
            f"training.batch_size is {study.training.batch_size}, which leaves a last batch of one "
            f"image of {len(images)}: batch normalisation needs two, so choose another"
        )
    rewind_to = Step.parse(study.pruning.rewind_to, per_epoch)
    if rewind_to >= Step.parse(study.training.to, per_epoch):
        raise ConfigError(
            f"pruning.rewind_to is {study.pruning.rewind_to}, but must come before the end of "
            f"training, {study.training.to}"
        )
    network = build(study.network, num_classes=len(images.classes), seed=0)
    prunable_names(network, study.pruning.prunable)
    side = study.dissection.resolution or images.pixels.shape[1]
    with torch.inference_mode(), capture(network, study.dissection.layers):
        network(torch.zeros(1, 3, side, side))
    _check_categories(study, sources)


def _check_categories(study: Study, sources: Sources) -> None:
    unknown = set(study.dissection.categories or ()) - set(sources.concepts.categories)
    if unknown:
        known = ", ".join(sources.concepts.categories)
        raise ConfigError(f"dissection.categories names {min(unknown)}, but the set has {known}")
