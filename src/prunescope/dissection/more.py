"""How does a saved dissection take more draws of chance, without another look at its images?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from prunescope.base.devices import default_device, usable_device
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import CONVENTIONS, EXACT
from prunescope.dissection.draws import Number
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.result import Dissection, LayerDissection
from prunescope.dissection.run import draw_chance

_MANIFEST = "manifest.json"


def draw_more(
    folder: Path,
    concepts: ConceptSet,
    number: Number,
    *,
    memory: int,
    device: str | None = None,
    progress: Progress = SILENT,
) -> Dissection:
    """Draw until a saved dissection has as many draws as asked for, and save it again.

    folder: what `Dissection.save` wrote of layers that were dissected with draws of chance.
    concepts: the images that were dissected. number: of all draws; those that were made before
    are not made again, and what comes of them is what so many draws at once would have given.
    memory: bytes for the labels of all images; those that it does not hold are read anew.
    Raises ConfigError for another concept set than the one dissected, and for a run's dissection,
    whose recipe says how many draws it has; DataError where there is nothing to draw for.
    """
    place = usable_device(device or default_device())
    dissection = Dissection.load(folder)
    _check_not_of_a_run(folder)
    layers = {layer: own.with_draws(folder / layer) for layer, own in dissection.layers.items()}
    maps = _read_labels(layers, concepts, memory, progress)
    found = replace(dissection, layers=draw_chance(layers, maps, number, place, progress=progress))
    found.save(folder)
    return found


def _check_not_of_a_run(folder: Path) -> None:
    manifest = next(iter(sorted(folder.glob(f"*/{_MANIFEST}"))), None)
    if manifest is not None:
        raise ConfigError(
            f"{folder} belongs to a run: change dissection.null in its recipe and run it again"
        )


def _read_labels(
    layers: Mapping[str, LayerDissection], concepts: ConceptSet, memory: int, progress: Progress
) -> LabelMaps:
    """Return the labels of all images. Raises ConfigError where it is not the set dissected."""
    for layer, own in layers.items():
        was = own.summary["concept_set"]
        if (was["fingerprint"], own.summary["images"]) != (
            concepts.fingerprint,
            len(concepts.images),
        ):
            raise ConfigError(
                f"{concepts.name} with {len(concepts.images):,} images is not what {layer} was "
                f"dissected on, {was['name']} with {own.summary['images']:,}: give the same "
                "--concepts, --split and --limit as then"
            )
    first = next(iter(layers.values()))
    rules = CONVENTIONS[first.summary.get("convention", EXACT.name)]
    reader = RegionReader(concepts.labels, once=rules.once, truth_once=rules.truth_once)
    maps = LabelMaps(concepts, reader, memory)
    with progress.task("reading labels", len(concepts.images)) as task:
        for image, name in enumerate(concepts.images):
            maps.add([image], [reader.read(concepts.read_annotation(image), name)])
            task.advance()
    return maps
