"""How good is a network on labelled images, shown to it as its input wants them?"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from prunescope.base.devices import default_device, say_if_slow, usable_device
from prunescope.base.errors import DataError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import counted
from prunescope.data.choice import ClassChoice, shown
from prunescope.data.classes import order_note
from prunescope.data.images import count_classes, find_split, load_images, passed_over
from prunescope.data.labelled import Images
from prunescope.data.settings import CentreCrop
from prunescope.experiment.source_facts import data_folder
from prunescope.experiment.sources import normalisation_of, test_sizing
from prunescope.imaging.channels import check_channels
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.sizing import Sizing
from prunescope.networks.loading import LoadedNetwork
from prunescope.results.evaluation import Evaluation
from prunescope.training.evaluate import check_outputs, evaluate
from prunescope.training.settings import EvaluationSettings


@dataclass(frozen=True, kw_only=True)
class ShownImages:
    """Labelled images as one network is shown them. split: the name that the source gives it."""

    split: str
    images: Images
    sizing: Sizing
    normalisation: Normalisation


def evaluate_network(
    network: LoadedNetwork,
    source: str,
    settings: EvaluationSettings,
    *,
    device: str | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Return a network's accuracy and loss on labelled images, and on which split.

    settings: their split as `find_split` takes it. Raises ConfigError where neither they nor the
    network state a normalisation, or for a device that is not there.
    """
    target = usable_device(device or default_device())
    say_if_slow(settings.precision, target, progress)
    images = images_for(network, source, settings, progress=progress)
    evaluation = evaluate_on(images, network, settings, target, progress)
    about = {"network": network.name, "data": source, "split": images.split}
    return replace(evaluation, about=about)


def images_for(
    network: LoadedNetwork,
    source: str,
    settings: EvaluationSettings,
    *,
    before: ShownImages | None = None,
    progress: Progress = SILENT,
) -> ShownImages:
    """Open labelled images for a network. Raises as `evaluate_network` does, before they are read.

    before: what another network was shown of the same source by the same settings; its images are
    taken where this one wants them of the same size.
    """
    folder = data_folder(source, progress)
    split, classes = find_split(folder, settings.split), settings.classes
    sizing = sizing_of(network, settings.resolution, settings.resize, progress)
    normalisation = normalisation_of(network.name, network.input, settings.mean, settings.std)
    check_channels(network.module, len(normalisation.mean))
    side = sizing.resolution or (network.input.resolution if network.input else None)
    if side is not None:
        check_outputs(
            network.module,
            channels=len(normalisation.mean),
            side=side,
            classes=count_classes(folder, split, classes),
            precision=settings.precision,
        )
    if before is not None and before.sizing == sizing:
        return replace(before, normalisation=normalisation)
    images = load_images(
        folder, split, sizing=sizing, classes=classes, limit=settings.limit, progress=progress
    )
    if before is None:
        progress.say_all(passed_over(folder), *_notes(images, split, classes))
    return ShownImages(split=split, images=images, sizing=sizing, normalisation=normalisation)


def evaluate_on(
    seen: ShownImages,
    network: LoadedNetwork,
    settings: EvaluationSettings,
    device: torch.device,
    progress: Progress,
) -> Evaluation:
    """Return the accuracy of a network, which stays on the device.

    Raises DataError where it answers with nan.
    """
    evaluation = evaluate(
        network.module.to(device),
        seen.images,
        normalisation=seen.normalisation,
        batch_size=settings.batch_size,
        precision=settings.precision,
        arithmetic=settings.arithmetic,
        progress=progress,
    )
    if math.isnan(evaluation.loss):
        raise DataError(
            f"{network.name} answers with nan for some of the images, so that it has no accuracy: "
            "its weights or running statistics are damaged (a variance below 0, say), or too "
            "large for its precision"
        )
    return evaluation


def sizing_of(
    network: LoadedNetwork, resolution: int | None, resize: int | None, progress: Progress
) -> Sizing:
    """Return how photographs are sized, and tell the user where the weights say it."""
    measured = network.measured_on
    if measured is None or resolution is not None:
        return test_sizing(resolution, None if resize is None else CentreCrop(resize=resize))
    if resize is not None:
        return test_sizing(measured.resolution, CentreCrop(resize=resize))
    side = f"{measured.resolution} x {measured.resolution} pixels"
    shorter = measured.shorter_side
    way = "squashed to" if shorter is None else f"resized to {shorter}, cut to"
    progress.say(f"as the published weights state, images are {way} {side}")
    return Sizing(resolution=measured.resolution, shorter_side=shorter)


def _notes(images: Images, split: str, classes: ClassChoice | None) -> Iterator[str | None]:
    """Yield what a user may not expect of the classes."""
    if classes is None:
        yield order_note(images.classes)
    present = set(images.labels.tolist())
    absent = [name for number, name in enumerate(images.classes) if number not in present]
    if absent:
        yield (
            f"the split {split}, as far as it is used, has no image of {len(absent):,} of the "
            f"{counted(len(images.classes), 'class', 'classes')}: {shown(absent)}"
        )
