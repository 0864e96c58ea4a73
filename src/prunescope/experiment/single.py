"""How is one network measured or dissected, outside any study?"""

import math
from collections.abc import Iterator
from pathlib import Path

import torch

from prunescope.base.devices import default_device, say_if_slow, usable_device
from prunescope.base.errors import DataError
from prunescope.base.images import Channels, Precision
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.text import counted
from prunescope.concepts import ConceptSet, open_concepts
from prunescope.data.classes import ClassChoice, order_note, shown
from prunescope.data.images import count_classes, find_split, load_images, passed_over
from prunescope.data.labelled import Images
from prunescope.data.sizing import CentreCrop, Sizing
from prunescope.dissection.input import input_of
from prunescope.dissection.layers import DEFAULT_LAYER, choose_layers
from prunescope.dissection.run import dissect_as
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.sources import data_folder, normalisation_of, test_sizing
from prunescope.networks import LoadedNetwork
from prunescope.results.dissection import Dissection, check_room
from prunescope.training.evaluate import Evaluation, check_outputs, evaluate

_FEW_IMAGES = 500


def evaluate_network(
    network: LoadedNetwork,
    source: str,
    *,
    split: str = "test",
    resolution: int | None = None,
    resize: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    batch_size: int = 256,
    precision: Precision = "float32",
    classes: ClassChoice | None = None,
    limit: int | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
) -> tuple[str, Evaluation]:
    """Return which split of labelled images was used, and a network's accuracy and loss on it.

    split: as `find_split` takes it. resolution: side the images are squashed to. resize: shorter
        side to bring them to instead, before the square of that resolution is cut from the middle.
        Where neither is stated, published weights are shown what their library measures them on,
        and any other network the images as they are stored.
    mean, std: normalisation; None takes the network's own. Raises ConfigError if it has none, or
        for a device that is not there.
    classes: which are used, in the order of the network's outputs; None takes all.
    limit: only the first so many images of these classes, in the order of the split.
    """
    place = usable_device(device or default_device())
    say_if_slow(precision, place, progress)
    folder = data_folder(source, progress)
    found = find_split(folder, split)
    sizing = _sizing(network, resolution, resize, progress)
    normalisation = normalisation_of(network.name, network.input, mean, std)
    side = sizing.resolution or (network.input.resolution if network.input else None)
    if side is not None:
        check_outputs(
            network.module,
            channels=len(normalisation.mean),
            side=side,
            classes=count_classes(folder, found, classes),
            precision=precision,
        )
    images = load_images(
        folder, found, sizing=sizing, classes=classes, limit=limit, progress=progress
    )
    progress.say_all(passed_over(folder), *_notes(images, found, classes))
    evaluation = evaluate(
        network.module.to(place),
        images,
        normalisation=normalisation,
        batch_size=batch_size,
        precision=precision,
        progress=progress,
    )
    if math.isnan(evaluation.loss):
        raise DataError(
            f"{network.name} answers with nan for some of the images, so that it has no accuracy: "
            "its weights or running statistics are damaged (a variance below 0, say), or too "
            "large for its precision"
        )
    return found, evaluation


def dissect_network(
    network: LoadedNetwork,
    settings: DissectionSettings,
    concepts: str,
    *,
    out: Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    mask_size: int | None = None,
    device: str | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> Dissection:
    """Dissect a network as its own input wants it, and save the result under `out` if given.

    ranks: the processes that share the images; the first one saves.
    settings: their layers may be patterns, or DEFAULT_LAYER, of which the user is told.
    Raises ConfigError before any work where `out` cannot take it, as `check_room` says, or the
    device is not there.
    """
    place = usable_device(device or default_device())
    if out is not None and ranks.rank == 0:
        check_room(out)
    images = settings.rules.images_of(split)
    opened = open_concepts(
        concepts, split=images, limit=limit, mask_size=mask_size, progress=progress
    )
    return dissect_opened(
        network, settings, opened, out=out, device=place, ranks=ranks, progress=progress
    )


def dissect_opened(
    network: LoadedNetwork,
    settings: DissectionSettings,
    concepts: ConceptSet,
    *,
    out: Path | None,
    device: torch.device,
    ranks: Ranks,
    progress: Progress,
) -> Dissection:
    """Do what `dissect_network` does where `out`, the device and the concept set are fit for it."""
    if network.input is not None:
        settings = settings.completed(**vars(network.input))
    settings = _with_layers(network, settings, progress)
    if ranks.rank == 0:
        say_if_slow(settings.precision, device, progress)
    if len(concepts.images) < _FEW_IMAGES and not settings.null and ranks.rank == 0:
        progress.say(
            f"on {counted(len(concepts.images), 'image')} much of what is found is due to chance: "
            "--null says how much"
        )
    dissection = dissect_as(
        settings, network.module, concepts, device=device, ranks=ranks, progress=progress
    )
    if out is not None and ranks.rank == 0:
        dissection.save(out)
    return dissection


def _notes(images: Images, split: str, classes: ClassChoice | None) -> Iterator[str | None]:
    """Yield what a user may not expect of the classes."""
    if classes is None:
        yield order_note(images.classes)
    there = set(images.labels.tolist())
    absent = [name for number, name in enumerate(images.classes) if number not in there]
    if absent:
        yield (
            f"the split {split}, as far as it is used, has no image of {len(absent):,} of the "
            f"{counted(len(images.classes), 'class', 'classes')}: {shown(absent)}"
        )


def _sizing(
    network: LoadedNetwork, resolution: int | None, resize: int | None, progress: Progress
) -> Sizing:
    """Return how photographs are sized, and tell the user where the weights say it."""
    own = network.measured_on
    if own is None or resolution is not None:
        return test_sizing(resolution, None if resize is None else CentreCrop(resize=resize))
    if resize is not None:
        return test_sizing(own.resolution, CentreCrop(resize=resize))
    side = f"{own.resolution} x {own.resolution} pixels"
    way = "squashed to" if own.shorter_side is None else f"resized to {own.shorter_side}, cut to"
    progress.say(f"as the published weights state, images are {way} {side}")
    return Sizing(resolution=own.resolution, shorter_side=own.shorter_side)


def _with_layers(
    network: LoadedNetwork, settings: DissectionSettings, progress: Progress
) -> DissectionSettings:
    """Return the settings with the names of the layers that are meant."""
    form = input_of(
        network.module, resolution=settings.resolution, mean=settings.mean, std=settings.std
    )
    layers = choose_layers(
        network.module, settings.layers, form.resolution, len(form.mean), settings.axes
    )
    if DEFAULT_LAYER in settings.layers:
        progress.say(
            f"no layer is named: dissecting {layers[0]} "
            "(--list-layers shows which there are, --layer chooses)"
        )
    return settings.model_copy(update={"layers": layers})
