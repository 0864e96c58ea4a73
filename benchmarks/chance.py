"""How much longer is a dissection that draws until chance is decided than one without draws?"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

import prunescope
from prunescope.concepts import open_concepts
from prunescope.dissection.chance import permuting
from prunescope.dissection.chance.draws import Number
from prunescope.dissection.stated import read_draws
from prunescope.networks.loading import load_network
from prunescope.results.dissection import LayerDissection
from prunescope.results.provenance import environment


def main() -> None:
    """Print one JSON object: the ratio over alternating pairs, the draws, and the conditions.

    `ratio` is that of the whole dissections, without saving; `seconds_a_draw` is what a draw takes
    in each stretch: up to which draw, of how many units, and its seconds. The fingerprint of the
    set, which is kept, is in neither.
    """
    given = arguments()
    conditions = environment()
    weights = Path(given.weights) if given.weights and Path(given.weights).exists() else None
    network = load_network(
        given.network, weights=weights or given.weights, num_classes=given.num_classes
    )
    concepts = open_concepts(given.concepts, limit=given.images)
    _ = concepts.fingerprint
    stretches: list[list[Any]] = []
    time_the_stretches(stretches)

    def dissect(null: Number) -> tuple[float, LayerDissection]:
        stretches.clear()
        started = time.perf_counter()
        found = prunescope.dissect(
            network, given.layer, concepts, resolution=given.resolution, null=null
        )
        return time.perf_counter() - started, found[given.layer]

    number: Number = read_draws(given.null)
    plain, drawn = [], []
    for _ in range(given.pairs):
        plain.append(dissect(0)[0])
        seconds, layer = dissect(number)
        drawn.append(seconds)
    ratios = [a / b for a, b in zip(drawn, plain, strict=True)]
    figures = {
        "ratio": {
            "median": round(statistics.median(ratios), 3),
            "least": round(min(ratios), 3),
            "most": round(max(ratios), 3),
        },
        "seconds_without": round(statistics.median(plain), 2),
        "seconds_a_draw": stretches,
        "units": layer.summary["units"],
        "interpretable": layer.summary["interpretable"],
        "chance": layer.summary["chance"],
        **vars(given),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--weights", help="a file, or random", default="random")
    parser.add_argument("--num-classes", type=int, default=None)
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--concepts", default="scenes", help="scenes or broden:DIR")
    parser.add_argument("--images", type=int, default=200, help="the first so many of the set")
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--null", default="64", help="draws, or auto")
    parser.add_argument("--pairs", type=int, default=1, help="of timings")
    return parser.parse_args()


def time_the_stretches(stretches: list[list[Any]]) -> None:
    """Note, of every stretch of draws: its last one, how many units, seconds a draw."""
    draw = permuting._draw

    def timed(null: Any, trials: Any, requests: Any, draws: range, progress: Any) -> None:
        started = time.perf_counter()
        draw(null, trials, requests, draws, progress)
        units = sum(len(request.units) for request in requests.values())
        seconds = (time.perf_counter() - started) / len(draws)
        stretches.append([draws.stop, units, round(seconds, 4)])

    permuting._draw = timed


if __name__ == "__main__":
    main()
