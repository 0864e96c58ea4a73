"""Can a study be carried out at all? Found out before anything is written."""

import copy
from contextlib import closing

import torch
from torch import nn

from prunescope.base.devices import default_device, say_if_slow
from prunescope.base.errors import ConfigError
from prunescope.base.modes import repeatable
from prunescope.base.progress import SILENT, Progress
from prunescope.base.reading import read_ahead
from prunescope.base.showing import show
from prunescope.base.steps import Step, steps_per_epoch
from prunescope.base.text import counted
from prunescope.concepts.broken import advising
from prunescope.concepts.protocol import ConceptSet
from prunescope.data.choice import shown
from prunescope.data.classes import order_note
from prunescope.data.labelled import Images, StreamedImages
from prunescope.data.loader import batches
from prunescope.data.settings import Augmentation
from prunescope.dissection.basis_file import read_directions
from prunescope.dissection.capture import capture
from prunescope.dissection.run import choose_categories
from prunescope.dissection.survey import learn_layout
from prunescope.experiment.sources import Sources
from prunescope.experiment.start import load_rewinding, load_start
from prunescope.networks.registry import build
from prunescope.networks.residual import zero_last_gammas
from prunescope.pruning import two_four
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.pruning import within_prunable
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.scoring_images import check_enough
from prunescope.pruning.selection import check_strategy
from prunescope.recipe import Recipe
from prunescope.training.evaluate import check_outputs
from prunescope.training.forward import class_scores, classes_needed
from prunescope.training.recalibration import check_recalibration
from prunescope.training.sharing import check_processes
from prunescope.training.tracking import check_tracker


def check_study(
    recipe: Recipe, sources: Sources, progress: Progress = SILENT, *, processes: int = 1
) -> None:
    """Read all photographs and concepts, build the network, and show it what it will see.

    Every file is read, so that no damaged one ends a run after hours; of photographs that are
    decoded as they are needed, a sample only, which the user is told.
    processes: which share each batch.
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    say_if_slow(recipe.training.precision, torch.device(default_device()), progress)
    network = build(recipe.network, num_classes=sources.class_count, seed=0).eval()
    _check_outputs(recipe, sources, network)
    if recipe.training.track is not None:
        check_tracker(recipe.training.track)
    if recipe.training.recalibrate is not None:
        check_recalibration(network)
    images, test_images = sources.train_images, sources.test_images
    check_processes(processes, recipe.training, len(images))
    progress.say_all(sources.passed_over)
    _check_classes(recipe, images, test_images, progress)
    if recipe.pruning.rewind_to is not None:
        _check_rewinding(recipe, len(images), recipe.pruning.rewind_to)
    if recipe.training.zero_last_gamma:
        zero_last_gammas(build(recipe.network, seed=0), recipe.network)
    mask = Mask.ones(network, prunable_names(network, recipe.pruning.prunable))
    if recipe.start is not None:
        mask = load_start(network, recipe.start, recipe.pruning.prunable, len(images.classes))
        if recipe.start.rewind_weights is not None:
            load_rewinding(network, recipe.start, len(images.classes), mask)
    groups: ChannelGroups | None = None
    for name, strategy in recipe.pruning.strategies.items():
        pruned = mask
        if strategy.structure == "2:4":
            axes = two_four.input_axes(network, mask)
            two_four.check(mask, axes, f"pruning.strategies.{name}")
        if recipe.pruning.structure_of(name) == "filters":
            groups = groups or _channel_groups(recipe, sources, network)
            pruned = groups.everything
        check_strategy(name, strategy, pruned, recipe.training, recipe.pruning.rewind_to)
        check_enough(strategy.score_images, len(images), name)
    _check_sample(images, recipe.data.train_split, progress)
    _check_sample(test_images, recipe.data.test_split, progress)
    for photographs, augmentation in ((images, recipe.training.augmentation), (test_images, None)):
        _check_scores(recipe, sources, network, photographs, augmentation)
    _check_last_batch(recipe, sources, network, images)
    choose_categories(sources.concepts, recipe.dissection)
    _check_cells(recipe, sources, network)
    _read_all(sources.concepts, progress)


def map_shapes(
    recipe: Recipe, sources: Sources, network: nn.Module
) -> dict[str, tuple[int, int, int]]:
    """Return the units, and the height and width of the maps, of every layer to dissect.

    Raises ConfigError where a layer has none, or the network refuses images of that size.
    """
    side, channels = sources.side, len(sources.normalisation.mean)
    layout = learn_layout(network, side, channels, recipe.dissection.axes)
    with torch.inference_mode(), capture(network, recipe.dissection.layers, layout=layout) as maps:
        show(network, torch.zeros(1, channels, side, side))
        return {layer: (tensor.shape[1], *tensor.shape[2:]) for layer, tensor in maps.items()}


def _channel_groups(recipe: Recipe, sources: Sources, network: nn.Module) -> ChannelGroups:
    groups = find_groups(network, resolution=sources.side)
    return within_prunable(groups, network, recipe.pruning.prunable)


def _check_outputs(recipe: Recipe, sources: Sources, network: nn.Module) -> None:
    """Raise DataError where the network has other outputs than the data has classes.

    Before photographs are decoded, where the size in which they will be shown is stated.
    """
    if recipe.data.resolution is None:
        return
    check_outputs(
        network,
        channels=len(sources.normalisation.mean),
        side=recipe.data.resolution,
        classes=sources.class_count,
        precision=recipe.training.precision,
    )


def _check_classes(recipe: Recipe, images: Images, test_images: Images, progress: Progress) -> None:
    """Raise ConfigError where accuracy would be measured on classes that training never shows."""
    data, classes = recipe.data, images.classes
    if classes != test_images.classes:
        raise ConfigError(
            f"the splits {data.train_split} and {data.test_split} of {data.source} do not have the "
            "same classes"
        )
    unseen = sorted(set(test_images.labels.tolist()) - set(images.labels.tolist()))
    if unseen and recipe.start is None:
        raise ConfigError(
            f"the split {data.test_split} has images of {shown([classes[n] for n in unseen])}, of "
            f"which the split {data.train_split} to train on has none: add them, or name the other "
            "classes in data.classes"
        )
    if data.classes is None:
        progress.say_all(order_note(classes))


def _check_sample(images: Images, split: str, progress: Progress) -> None:
    """Decode some of the photographs that do not lie in memory."""
    if isinstance(images, StreamedImages):
        progress.say(
            f"{images.check_sample():,} of the {counted(len(images), 'image')} of the split "
            f"{split} were read to check them: they are decoded as they are needed"
        )


def _check_rewinding(recipe: Recipe, count: int, rewind_to: str) -> None:
    per_epoch = steps_per_epoch(count, recipe.training.batch_size)
    if Step.parse(rewind_to, per_epoch) >= Step.parse(recipe.training.to, per_epoch):
        raise ConfigError(
            f"pruning.rewind_to is {rewind_to}, but must come before the end of "
            f"training, {recipe.training.to}"
        )


def _check_last_batch(recipe: Recipe, sources: Sources, network: nn.Module, images: Images) -> None:
    """Train on one image where the last batch is one: normalisation of 1 x 1 maps needs two."""
    size, count = recipe.training.batch_size, len(images)
    if (count - 1) % size:
        return
    trained = copy.deepcopy(network).train()
    try:
        with repeatable(torch.device("cpu")):
            _check_scores(recipe, sources, trained, images, recipe.training.augmentation)
    except ConfigError as error:
        raise ConfigError(
            f"training.batch_size is {size}, which leaves a last batch of one image of {count}, "
            f"and in training {error}: choose another"
        ) from None


def _check_scores(
    recipe: Recipe,
    sources: Sources,
    network: nn.Module,
    images: Images,
    augmentation: Augmentation | None,
) -> None:
    first = batches(
        images,
        batch_size=1,
        normalisation=sources.normalisation,
        order=torch.arange(1),
        augmentation=augmentation,
    )
    with torch.inference_mode():
        for pixels, _ in first:
            precision, classes = recipe.training.precision, classes_needed(images)
            class_scores(network, pixels, precision=precision, classes=classes)


def _check_cells(recipe: Recipe, sources: Sources, network: nn.Module) -> None:
    """Raise ConfigError or DataError where cells are too few, or the basis is of other units."""
    count, settings = len(sources.concepts.images), recipe.dissection
    for layer, (units, height, width) in map_shapes(recipe, sources, network).items():
        where = f'layer "{layer}": {count} images x {height} x {width}'
        for quantile in (settings.quantile, *(settings.quantiles or ())):
            settings.rules.cut(quantile, count * height * width, where)
        if settings.basis_file is not None:
            read_directions(settings.basis_file, layer, settings.layers, units)


def _read_all(concepts: ConceptSet, progress: Progress) -> None:
    def read(image: int) -> None:
        with advising(concepts):
            concepts.read_image(image)
            concepts.read_annotation(image)

    count = len(concepts.images)
    with (
        progress.task(f"reading {concepts.name}", count) as task,
        closing(read_ahead(read, range(count))) as images,
    ):
        for _ in images:
            task.advance()
