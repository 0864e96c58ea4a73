"""How does a saved dissection take more draws of chance, without its network and images?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from prunescope.base.arrays import load_arrays
from prunescope.base.devices import default_device, usable_device
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import counted
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.chance.draws import Draws, Number
from prunescope.dissection.chance.permuting import draw_chance
from prunescope.dissection.conventions import Convention, convention_of
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.settings import DEFAULT_LAYER, DissectionSettings
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.layout import COUNTS, DRAWS, MANIFEST, MASKS
from prunescope.results.left_out import LEFT_OUT
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_table
from prunescope.results.schemas import MASK_COLUMNS


def draw_more(
    folder: Path,
    concepts: str,
    number: Number | str,
    *,
    split: str | None = None,
    limit: int | None = None,
    memory: int | str = "2GiB",
    device: str | None = None,
    progress: Progress = SILENT,
) -> Dissection:
    """Draw until a saved dissection has as many draws as asked for, and save it again.

    folder: a saved Dissection whose layers were dissected with draws of chance.
    concepts, split, limit: as in the dissection. number: of all draws together. Earlier draws are
    kept, and the result is the same as if all were drawn at once. Fewer draws than were made are
    refused, as they would say less than the saved result.
    memory: bytes for the labels of all images; labels beyond it are read again.
    Raises ConfigError for another concept set than the one dissected, and for a run's dissection,
    whose recipe states the number of draws; DataError where no masks were saved.
    """
    target = torch.device(usable_device(device or default_device()))
    wanted = DissectionSettings.validate_from(
        {"layers": (DEFAULT_LAYER,), "null": number, "memory": memory}, "chance"
    )
    if wanted.null == 0:
        raise ConfigError('0 draws say nothing: give "auto" or a number')
    _check_not_of_a_run(folder)
    dissection = Dissection.load(folder)
    layers = dissection.layers
    masks: dict[str, KeptMasks] = {}
    draws: dict[str, Draws] = {}
    for layer, dissected in layers.items():
        masks[layer], draws[layer] = load_draws(folder / layer, len(dissected.units))
    _check_more(folder, draws, wanted.null)
    summary = next(iter(layers.values())).summary
    rules = convention_of(summary)
    opened = open_concepts(
        concepts,
        split=rules.images_of(split),
        limit=limit,
        mask_size=(summary.get("concept_set") or {}).get("mask_size"),
        skip_broken=bool(summary.get(LEFT_OUT)),
        progress=progress,
    )
    label_maps = _read_labels(layers, opened, rules, int(wanted.memory), progress)
    for layer, dissected in layers.items():
        _check_kept(folder / layer, dissected, masks[layer], label_maps)
    drawn = draw_chance(
        layers, masks, label_maps, wanted.null, target, progress=progress, draws=draws
    )
    extended = replace(dissection, layers=drawn)
    extended.save(folder)
    return extended


def labels_of_saved(
    layers: Mapping[str, LayerDissection],
    masks: Mapping[str, KeptMasks],
    concepts: ConceptSet,
    settings: DissectionSettings,
    progress: Progress = SILENT,
) -> LabelMaps:
    """Return the labels of all images, to be counted with the saved masks of scored layers.

    Raises ConfigError for another concept set, DataError for masks that do not fit the counts.
    """
    label_maps = _read_labels(layers, concepts, settings.rules, int(settings.memory), progress)
    for layer, dissected in layers.items():
        _check_kept(layer, dissected, masks[layer], label_maps)
    return label_maps


def load_draws(folder: Path, units: int) -> tuple[KeptMasks, Draws]:
    """Read the saved masks and draws of a layer with this number of units.

    Raises DataError where they are missing, damaged, or of another layer.
    """
    if not (folder / MASKS).is_file():
        raise DataError(
            f"{folder} has no {MASKS}, which more draws of chance begin with: "
            "dissect again, with --null"
        )
    masks = load_masks(folder, units)
    try:
        check_recorded(folder / DRAWS)
        draws = Draws.of_arrays(load_arrays(folder / DRAWS))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / DRAWS} holds no draws of chance: {error}") from None
    if len(draws.counted) != units:
        raise DataError(f"{folder / DRAWS} is not of the {units:,} units beside it")
    return masks, draws


def load_masks(folder: Path, units: int) -> KeptMasks:
    """Read the saved masks of a layer on all images. Raises as `load_draws`."""
    try:
        return KeptMasks.of_table(units, read_table(folder / MASKS, MASK_COLUMNS))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / MASKS} holds no masks: {error}") from None


def _check_more(folder: Path, draws: Mapping[str, Draws], number: Number) -> None:
    """Raise ConfigError where a layer already has more draws than asked for."""
    for layer, drawn in draws.items():
        made = int(drawn.counted.max(initial=0))
        if number != "auto" and number < made:
            raise ConfigError(
                f"{folder / layer} has {counted(made, 'draw')} already, so {number:,} would say "
                f'less: give "auto" or more than {made:,}'
            )


def _check_kept(
    where: Path | str, layer: LayerDissection, masks: KeptMasks, label_maps: LabelMaps
) -> None:
    """Raise DataError where saved counts or masks do not belong to these labels and images."""
    numbers = [label.number for label in label_maps.concepts.labels]
    labels = (layer.overlap.categories, layer.overlap.label_numbers.tolist())
    if labels != (tuple(label_maps.concepts.categories), numbers):
        raise DataError(
            f"{Path(where, COUNTS)} is damaged: "
            f"it is not of the labels of {label_maps.concepts.name}"
        )
    try:
        masks.check_within(label_maps.shapes)
        if (masks.activation(label_maps.carried) != layer.overlap.activation).any():
            raise ValueError(f"its masks are not those that {COUNTS} counts")
    except ValueError as error:
        raise DataError(f"{Path(where, MASKS)} is damaged: {error}") from None


def _check_not_of_a_run(folder: Path) -> None:
    if any(any(folder.glob(f"{inner}{MANIFEST}")) for inner in ("", "*/", "dissection/*/")):
        raise ConfigError(
            f"{folder} belongs to a run: change dissection.null in its recipe and run it again"
        )


def _read_labels(
    layers: Mapping[str, LayerDissection],
    concepts: ConceptSet,
    rules: Convention,
    memory: int,
    progress: Progress,
) -> LabelMaps:
    """Return the labels of all images. Raises ConfigError for a set other than that dissected."""
    for layer, dissected in layers.items():
        was = dissected.summary.get("concept_set") or {}
        image_count = dissected.summary.get("images") or 0
        if (was.get("fingerprint"), image_count) != (concepts.fingerprint, len(concepts.images)):
            raise ConfigError(
                f"{concepts.name} with {counted(len(concepts.images), 'image')} is not what "
                f"{layer} was "
                f"dissected on, {was.get('name')} with {image_count:,}: give the same "
                "--concepts, --split and --limit as then"
            )
    reader = RegionReader(concepts.labels, once=rules.once, truth_once=rules.truth_once)
    label_maps = LabelMaps(concepts, reader, memory)
    with progress.task("reading labels", len(concepts.images)) as task:
        for image, name in enumerate(concepts.images):
            label_maps.add([image], [reader.read(concepts.read_annotation(image), name)])
            task.advance()
    return label_maps
