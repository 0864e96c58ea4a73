"""How long does it take to find the best formulas of every unit, from its masks and the labels?"""

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.formulas import finding
from prunescope.dissection.formulas.atoms import count_atoms
from prunescope.dissection.kept_maps import ActiveMaps
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.overlap import OverlapTally
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.run import count_layers
from prunescope.dissection.scores import score_layer
from prunescope.dissection.settings import DissectionSettings
from prunescope.networks.loading import load_network
from prunescope.results.counts import LayerCounts
from prunescope.results.dissection import LayerDissection
from prunescope.results.formulas import formula_counts
from prunescope.results.provenance import environment

CATEGORIES = {"color": 11, "object": 584, "part": 234, "material": 32, "scene": 289, "texture": 47}
"""How many labels each has: 1,197 in all, as in Broden, few of whose labels are scenes twice."""
SIDE, CELLS = 112, 7  # of label maps and activation maps
QUANTILE = 0.005
MEMORY = 2 << 30


def main() -> None:
    """Print one JSON object: seconds of the search, and of counting atoms, which is in it.

    Masks and labels are those of a network on a concept set, if one is named, or made up: maps of
    smooth noise, the best half a percent of whose cells is above the threshold.
    """
    given = arguments()
    conditions = environment()
    settings = DissectionSettings(
        layers=(given.layer,),
        formulas=given.length,
        beam=given.beam,
        formula_draws=given.draws,
    )
    layer, masks, label_maps = real(given, settings) if given.concepts else made_up(given)
    spent = {"counting": 0.0, "atoms": 0, "pairs": 0}
    time_the_counting(spent)
    kept_mib = peak_mib()
    started, processor = time.perf_counter(), time.process_time()
    found = finding.find_formulas({given.layer: layer}, {given.layer: masks}, label_maps, settings)
    seconds = time.perf_counter() - started
    table = found[given.layer].formulas
    assert table is not None
    figures = {
        **vars(given),
        "seconds": round(seconds, 1),
        "processor_seconds": round(time.process_time() - processor, 1),
        "counting_seconds": round(spent["counting"], 1),
        "atoms": spent["atoms"],
        "pairs_of_unit_and_atom": spent["pairs"],
        "masks": masks.count,
        "peak_mib_before": kept_mib,
        "peak_mib": peak_mib(),
        "units": len(layer.units),
        "labels": len(label_maps.concepts.labels),
        "images": len(label_maps.concepts.images),
        "by_length": formula_counts(table, {}, settings.iou)["by_length"],
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=3, help="of the longest formula")
    parser.add_argument("--beam", type=int, default=10)
    parser.add_argument("--draws", type=int, default=0, help="searches with permuted labels")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--units", type=int, default=2048, help="of the made-up layer")
    parser.add_argument("--concepts", help="broden:DIR, in place of what is made up")
    parser.add_argument("--network", default="torchvision:resnet50")
    parser.add_argument("--weights", default=None, help="a state dict; random weights without")
    parser.add_argument("--num-classes", type=int, default=None)
    parser.add_argument("--layer", default="layer4")
    return parser.parse_args()


def real(
    given: argparse.Namespace, settings: DissectionSettings
) -> tuple[LayerDissection, KeptMasks, LabelMaps]:
    """Dissect a network on a concept set."""
    weights = None if given.weights is None else Path(given.weights)
    network = load_network(given.network, weights=weights, num_classes=given.num_classes)
    concepts = open_concepts(given.concepts, limit=given.images)
    used = settings.model_copy(update={"association": False})
    if network.input is not None:
        used = used.completed(**vars(network.input))
    counted = count_layers(used, network.module, concepts, masks=True)
    assert counted.label_maps is not None
    layer = score_layer(counted.layers[given.layer], used, concepts.name)
    return layer, counted.masks[given.layer], counted.label_maps


def made_up(given: argparse.Namespace) -> tuple[LayerDissection, KeptMasks, LabelMaps]:
    """Return a layer, its masks and labels whose sizes are those asked for."""
    source = np.random.default_rng(0)
    concepts = MadeUp(annotations=[annotation(source) for _ in range(given.images)])
    reader = RegionReader(concepts.labels)
    label_maps = LabelMaps(concepts, reader, MEMORY)
    threshold = float(np.quantile(smooth_noise(source, 20_000), 1 - QUANTILE))
    thresholds = torch.full((given.units,), threshold, dtype=torch.float64)
    tally = OverlapTally(thresholds, concepts.labels, concepts.categories)
    masks = KeptMasks(given.units)
    for image, labelled in enumerate(concepts.annotations):
        regions = [reader.read(labelled, "an image")]
        label_maps.add([image], regions)
        maps = torch.from_numpy(smooth_noise(source, given.units))[None]
        active = ActiveMaps.of(maps, maps.amax(dim=(2, 3)), thresholds)
        for on_image in tally.add(active, regions):
            masks.add([image], on_image)
    empty = pd.DataFrame()
    counts = LayerCounts(
        layer=given.layer,
        overlap=tally.overlap(),
        examples=empty,
        images=empty,
        borderline=empty,
        peaks=empty,
        conditions={"settings": {}},
    )
    settings = DissectionSettings(layers=(given.layer,))
    return score_layer(counts, settings, concepts.name), masks, label_maps


@dataclass
class MadeUp:
    """A concept set of labels without pictures."""

    annotations: list[Annotation]
    categories: tuple[str, ...] = tuple(CATEGORIES)
    name: str = "made up"
    fingerprint: str = "0" * 64

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels by ascending number, category by category."""
        return tuple(
            Label(number=number, name=f"label {number}", category=category)
            for category in CATEGORIES
            for number in numbers_of(category)
        )

    @property
    def images(self) -> tuple[str, ...]:
        """Names of images that are nowhere."""
        return tuple(f"{index}.png" for index in range(len(self.annotations)))

    def image_path(self, index: int) -> Path:
        """Return where an image would lie."""
        return Path(self.images[index])

    def read_image(self, index: int) -> Image.Image:
        """Return a picture of one colour."""
        return Image.new("RGB", (SIDE, SIDE), (index % 256, 0, 0))

    def read_annotation(self, index: int) -> Annotation:
        """Return what is labelled."""
        return self.annotations[index]


def numbers_of(category: str) -> range:
    """Return the label numbers of a category."""
    names = list(CATEGORIES)
    first = 1 + sum(CATEGORIES[name] for name in names[: names.index(category)])
    return range(first, first + CATEGORIES[category])


def annotation(source: np.random.Generator) -> Annotation:
    """Label an image as in Broden: texture and colours, or objects, parts, materials, scene."""
    planes, whole = [plane(source, "color", cells=28, labels=8, filled=1.0)], []
    if source.random() < 0.2:
        whole.append(some(source, "texture"))
    else:
        planes.append(plane(source, "object", cells=8, labels=9, filled=0.9))
        if source.random() < 0.6:
            planes.append(plane(source, "part", cells=16, labels=10, filled=0.3))
        if source.random() < 0.3:
            planes.append(plane(source, "material", cells=8, labels=4, filled=0.5))
        if source.random() < 0.6:
            whole.append(some(source, "scene"))
    return Annotation(planes=np.array(planes, np.int32), whole=tuple(whole))


def plane(
    source: np.random.Generator, category: str, *, cells: int, labels: int, filled: float
) -> np.ndarray:
    """Return a map of a few labels in squares, some of which carry none."""
    palette = [some(source, category) for _ in range(labels)]
    squares = source.choice(palette, (cells, cells)) * (source.random((cells, cells)) < filled)
    repeated: np.ndarray = squares.repeat(SIDE // cells, axis=0).repeat(SIDE // cells, axis=1)
    return repeated


def some(source: np.random.Generator, category: str) -> int:
    """Return a label of a category; the nth is as frequent as 1 / (n + 3)."""
    numbers = numbers_of(category)
    weights = 1 / (np.arange(len(numbers)) + 3)
    return int(source.choice(numbers, p=weights / weights.sum()))


def smooth_noise(source: np.random.Generator, units: int) -> np.ndarray:
    """Return maps of noise that neighbouring cells share."""
    cells = source.normal(0, 1, (units, CELLS + 2, CELLS + 2)).astype(np.float32)
    rows = cells[:, :-2] + 2 * cells[:, 1:-1] + cells[:, 2:]
    maps: np.ndarray = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    return maps


def time_the_counting(spent: dict[str, Any]) -> None:
    """Have what counts the atoms add what it takes, and how many there are."""
    count = count_atoms

    def timed(*asked: Any) -> Any:
        started = time.perf_counter()
        counts = count(*asked)
        spent["counting"] += time.perf_counter() - started
        spent["atoms"] = len(counts.pixels)
        spent["pairs"] += counts.counts.nnz
        return counts

    setattr(finding, count.__name__, timed)


def peak_mib() -> int:
    """Return the memory of this process at its peak."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
