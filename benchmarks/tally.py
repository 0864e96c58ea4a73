"""How much faster are masks and labels counted than one by one, as the method is written?"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from prunescope.base.allocator import keep_freed_memory
from prunescope.base.provenance import environment
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.capture import capture
from prunescope.dissection.input import input_of, normalise, read_pixels
from prunescope.dissection.overlap import Overlap, OverlapTally
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.search import LayerSearch
from prunescope.dissection.thresholds import Cut, cells_above
from prunescope.networks import load_network

ORACLE = Path(__file__).parents[1] / "tests" / "oracle" / "dissection.py"
QUANTILE = 0.005


def main() -> None:
    """Print one JSON object: how many times as long the naive oracle takes, given activations.

    Either side is given the same activations and annotations; both find thresholds, masks and
    counts, which must be equal. Decoding and the forward pass are in neither.
    """
    given = arguments()
    conditions = environment()
    keep_freed_memory()
    oracle = load_oracle()
    concepts = open_concepts(given.concepts, limit=given.images)
    activations = observe(given, concepts)
    annotations = [concepts.read_annotation(image) for image in range(len(activations))]
    world = oracle.World(
        categories=list(concepts.categories),
        names={label.number: label.name for label in concepts.labels},
        primary={label.number: label.category for label in concepts.labels},
        images=[
            oracle.LabelledImage(
                path="",
                height=annotation.shape[0],
                width=annotation.shape[1],
                planes=list(annotation.planes),
                whole=list(annotation.whole),
            )
            for annotation in annotations
        ],
    )
    naive, fast = [], []
    for _ in range(given.pairs + 1):  # the first warms up
        started = time.perf_counter()
        expected = oracle.dissect(activations, world, quantile=QUANTILE)
        between = time.perf_counter()
        counts = tally(activations, concepts)
        fast.append(time.perf_counter() - between)
        naive.append(between - started)
        assert np.array_equal(counts.intersection, expected.intersection)
        assert np.array_equal(counts.activation, expected.activation)
    ratios = [slow / quick for slow, quick in zip(naive[1:], fast[1:], strict=True)]
    figures = {
        "times_faster": round(statistics.median(ratios), 1),
        "least": round(min(ratios), 1),
        "most": round(max(ratios), 1),
        "milliseconds_an_image": round(1000 * statistics.median(fast[1:]) / len(activations), 2),
        **vars(given),
        "units": activations.shape[1],
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18", help="with random weights")
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--concepts", default="scenes", help="scenes or broden:DIR")
    parser.add_argument("--images", type=int, default=40, help="the first so many of the set")
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--pairs", type=int, default=5, help="of timings, after a first one")
    return parser.parse_args()


def load_oracle() -> ModuleType:
    """Import the naive reference, which belongs to the tests."""
    spec = importlib.util.spec_from_file_location("oracle", ORACLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["oracle"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def observe(given: argparse.Namespace, concepts: ConceptSet) -> np.ndarray:
    """Return the layer's activations on every image, [image, unit, height, width]."""
    loaded = load_network(given.network)
    network = loaded.module
    known = {} if loaded.input is None else {"mean": loaded.input.mean, "std": loaded.input.std}
    form = input_of(network, resolution=given.resolution, **known)
    parts = []
    for start in range(0, len(concepts.images), 20):
        images = range(start, min(start + 20, len(concepts.images)))
        pixels = read_pixels(concepts, images, form.resolution)
        with torch.inference_mode(), capture(network, [given.layer]) as maps:
            network(normalise(pixels, form, torch.device("cpu")))
        parts.append(maps[given.layer].numpy())
    return np.concatenate(parts)


def tally(activations: np.ndarray, concepts: ConceptSet) -> Overlap:
    """Count as a dissection does, in batches, reading the labels included."""
    maps = torch.from_numpy(activations)
    count, _, height, width = maps.shape
    cells = count * height * width
    cut = Cut(cells=cells, above=cells_above(QUANTILE, cells, "the maps"))
    search = LayerSearch(maps, cut, examples=16, images=count)
    batches = list(torch.split(torch.arange(count), 32))
    for number, images in enumerate(batches):
        search.add(number, maps[images], images)
    assert search.kept is not None
    counts = OverlapTally(search.end().thresholds, concepts.labels, concepts.categories)
    reader = RegionReader(concepts.labels)
    for number, images in enumerate(batches):
        regions = [
            reader.read(concepts.read_annotation(image), "an image") for image in images.tolist()
        ]
        for _ in counts.add(search.kept.take(number), regions):
            pass
    return counts.overlap()


if __name__ == "__main__":
    main()
