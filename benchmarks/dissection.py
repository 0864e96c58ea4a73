"""How much longer is a whole dissection than decoding the images and one bare forward pass?"""

import argparse
import json
import statistics
import time

import torch
from torch import nn

from prunescope.base.provenance import environment
from prunescope.base.reading import read_ahead
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.input import InputForm, input_of, normalise, read_pixels
from prunescope.dissection.run import dissect
from prunescope.networks import build, network_input

BATCH = 32


def main() -> None:
    """Print one JSON object: the ratio over alternating pairs, and its conditions.

    Either side decodes every image and shows it to the network; the whole one does so twice, and
    reads the label maps. What is done once for a set (its fingerprint), and saving, is in neither.
    """
    given = arguments()
    conditions = environment()
    layers = tuple(given.layer or ["layer4"])
    concepts = open_concepts(given.concepts, limit=given.images)
    network = build(given.network, seed=0).eval()
    known = network_input(given.network)
    form = (
        input_of(network)
        if known is None
        else InputForm(resolution=known.resolution, mean=known.mean, std=known.std)
    )
    wholes: list[float] = []
    bares: list[float] = []
    for pair in range(given.pairs + 1):  # the first warms up
        timings = [(wholes, whole), (bares, bare)]
        for seconds, timed in reversed(timings) if pair % 2 else timings:
            seconds.append(timed(network, layers, concepts, form))
    ratios = [above / below for above, below in zip(wholes[1:], bares[1:], strict=True)]
    figures = {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_least": round(min(ratios), 3),
        "ratio_most": round(max(ratios), 3),
        "images": len(concepts.images),
        "bare_images_per_second": round(len(concepts.images) / statistics.median(bares[1:]), 1),
        "pairs": given.pairs,
        "network": given.network,
        "layers": layers,
        "resolution": form.resolution,
        "batch_size": BATCH,
        "precision": "float32",
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18", help="with random weights")
    parser.add_argument("--layer", action="append", help="may be repeated  [default: layer4]")
    parser.add_argument("--concepts", default="scenes", help="scenes or broden:DIR")
    parser.add_argument("--images", type=int, default=200, help="the first so many of the set")
    parser.add_argument("--pairs", type=int, default=5, help="of timings, after a first one")
    return parser.parse_args()


def whole(
    network: nn.Module, layers: tuple[str, ...], concepts: ConceptSet, form: InputForm
) -> float:
    """Return the seconds of a dissection, decoding and examples included."""
    started = time.perf_counter()
    dissect(network, layers, concepts, batch_size=BATCH, **form.model_dump())
    return time.perf_counter() - started


def bare(
    network: nn.Module, layers: tuple[str, ...], concepts: ConceptSet, form: InputForm
) -> float:
    """Return the seconds of decoding, in the background too, and a forward pass of every image."""
    del layers
    count = len(concepts.images)
    ranges = [range(i, min(i + BATCH, count)) for i in range(0, count, BATCH)]
    device = torch.device("cpu")
    started = time.perf_counter()
    with torch.inference_mode():
        for pixels in read_ahead(lambda r: read_pixels(concepts, r, form.resolution), ranges):
            network(normalise(pixels, form, device).contiguous())
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
