"""How much longer is a whole dissection with Pearson and AUPRC than without?"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import prunescope
from prunescope.concepts import open_concepts
from prunescope.networks.loading import load_network
from prunescope.results.provenance import environment


def main() -> None:
    """Print one JSON object: the ratios over alternating pairs, and their conditions.

    `ratio` is of seconds, `processor_ratio` of processor seconds of all threads, which say more on
    a machine that is shared. Either side decodes, dissects and saves. The fingerprint of the set,
    which is kept, is in neither; a first pair warms up.
    """
    given = arguments()
    conditions = environment()
    weights = None if given.weights is None else Path(given.weights)
    network = load_network(given.network, weights=weights, num_classes=given.num_classes)
    concepts = open_concepts(given.concepts, limit=given.images)
    _ = concepts.fingerprint

    def dissect(association: bool) -> tuple[float, float]:
        started = time.perf_counter(), time.process_time()
        found = prunescope.dissect(
            network,
            given.layer,
            concepts,
            resolution=given.resolution,
            memory=given.memory,
            association=association,
        )
        with tempfile.TemporaryDirectory() as folder:
            found.save(Path(folder) / "D")
        return time.perf_counter() - started[0], time.process_time() - started[1]

    both: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for pair in range(given.pairs + 1):
        for association in [True, False] if pair % 2 else [False, True]:
            both[association].append(dissect(association))
    measured, plain = (both[association][1:] for association in (True, False))
    ratios = [
        [a[clock] / b[clock] for a, b in zip(measured, plain, strict=True)] for clock in (0, 1)
    ]
    milliseconds = 1000 / len(concepts.images)
    figures = {
        "ratio": spread(ratios[0]),
        "processor_ratio": spread(ratios[1]),
        "milliseconds_an_image_without": round(
            milliseconds * statistics.median(seconds for seconds, _ in plain), 1
        ),
        "processor_milliseconds_an_image": {
            name: round(milliseconds * statistics.median(cpu for _, cpu in side), 1)
            for name, side in (("with", measured), ("without", plain))
        },
        **vars(given),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(figures | {"conditions": conditions}))


def spread(ratios: list[float]) -> dict[str, Any]:
    """Return median, least and most."""
    return {
        "median": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
    }


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--weights", help="a state dict; random weights without", default=None)
    parser.add_argument("--num-classes", type=int, default=None)
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--concepts", default="scenes", help="scenes or broden:DIR")
    parser.add_argument("--images", type=int, default=200, help="the first so many of the set")
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--memory", default="2GiB", help="budget for kept maps; 0 is two passes")
    parser.add_argument("--pairs", type=int, default=5, help="of timings, after a first one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
