"""How much faster are masks and labels counted than one by one, as the method is written?"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

from prunescope.base.allocator import keep_freed_memory
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, ConceptSet
from prunescope.dissection.capture import capture
from prunescope.dissection.first_pass import FirstPass
from prunescope.dissection.forward import read_pixels
from prunescope.dissection.input import input_of
from prunescope.dissection.overlap import OverlapTally
from prunescope.dissection.quantile import Cut, cells_above
from prunescope.dissection.regions import RegionReader
from prunescope.imaging.normalise import normalise
from prunescope.networks.loading import load_network
from prunescope.results.overlap import Overlap
from prunescope.results.provenance import environment

ORACLE = Path(__file__).parents[1] / "tests" / "oracle" / "dissection.py"
QUANTILE = 0.005


def main() -> None:
    """Print one JSON object: how many times as long the naive oracle takes, given activations.

    Either side is given the same activations and annotations; both find thresholds, masks and
    counts, which must be equal. Decoding and the forward pass are in neither. The tally is all
    that comes after the thresholds.
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
    slowly, quickly = [], []
    for pair in range(given.pairs + 1):  # the first warms up
        for naive in (True, False) if pair % 2 else (False, True):
            if naive:
                expected, times = count_naively(oracle, activations, world)
                slowly.append(times)
            else:
                counts, times = count(activations, annotations, concepts)
                quickly.append(times)
        assert np.array_equal(counts.intersection, expected.intersection)
        assert np.array_equal(counts.activation, expected.activation)
    pairs = list(zip(slowly[1:], quickly[1:], strict=True))
    milliseconds = 1000 * statistics.median(times.tally for times in quickly[1:])
    figures = {
        "tally_times_faster": spread([slow.tally / quick.tally for slow, quick in pairs]),
        "with_thresholds_times_faster": spread([sum(slow) / sum(quick) for slow, quick in pairs]),
        "tally_milliseconds_an_image": round(milliseconds / len(activations), 2),
        **vars(given),
        "units": activations.shape[1],
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--weights", help="a state dict; random weights without", default=None)
    parser.add_argument("--num-classes", type=int, default=None)
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
    weights = None if given.weights is None else Path(given.weights)
    loaded = load_network(given.network, weights=weights, num_classes=given.num_classes)
    network = loaded.module
    known = {} if loaded.input is None else {"mean": loaded.input.mean, "std": loaded.input.std}
    form = input_of(network, resolution=given.resolution, **known)
    parts = []
    for start in range(0, len(concepts.images), 20):
        images = range(start, min(start + 20, len(concepts.images)))
        pixels = read_pixels(concepts, images, form.resolution)
        with torch.inference_mode(), capture(network, [given.layer]) as maps:
            network(normalise(torch.from_numpy(pixels), form, channels_last=True))
        parts.append(maps[given.layer].numpy())
    return np.concatenate(parts)


def count_naively(oracle: ModuleType, activations: np.ndarray, world: Any) -> tuple[Any, "Seconds"]:
    """Count as the method is written. What comes of the counts is in neither time."""
    spent = dict.fromkeys(("_threshold", "_scores"), 0.0)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            started = time.perf_counter()
            result = function(*given)
            spent[name] += time.perf_counter() - started
            return result

        return run

    former = {name: getattr(oracle, name) for name in spent}
    for name, function in former.items():
        setattr(oracle, name, timed(name, function))
    started = time.perf_counter()
    found = oracle.dissect(activations, world, quantile=QUANTILE)
    whole = time.perf_counter() - started
    for name, function in former.items():
        setattr(oracle, name, function)
    return found, Seconds(thresholds=spent["_threshold"], tally=whole - sum(spent.values()))


def count(
    activations: np.ndarray, annotations: Sequence[Annotation], concepts: ConceptSet
) -> tuple[Overlap, "Seconds"]:
    """Count as a dissection does, in batches."""
    started = time.perf_counter()
    maps = torch.from_numpy(activations)
    count, _, height, width = maps.shape
    cells = count * height * width
    cut = Cut(cells=cells, above=cells_above(QUANTILE, cells, "the maps"))
    first_pass = FirstPass(maps, cut, examples=16, image_count=count)
    batches = list(torch.split(torch.arange(count), 32))
    for number, images in enumerate(batches):
        first_pass.add(number, maps[images], images)
    assert first_pass.kept is not None
    thresholds = first_pass.end().thresholds
    between = time.perf_counter()
    counts = OverlapTally(thresholds, concepts.labels, concepts.categories)
    reader = RegionReader(concepts.labels)
    for number, images in enumerate(batches):
        regions = [reader.read(annotations[image], "an image") for image in images.tolist()]
        for _ in counts.add(first_pass.kept.take(number), regions):
            pass
    found = counts.overlap()
    times = Seconds(thresholds=between - started, tally=time.perf_counter() - between)
    return found, times


class Seconds(NamedTuple):
    """What it took to find the thresholds, and to count with them."""

    thresholds: float
    tally: float


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and most."""
    return {
        "median": round(statistics.median(values), 1),
        "least": round(min(values), 1),
        "most": round(max(values), 1),
    }


if __name__ == "__main__":
    main()
