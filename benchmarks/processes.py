"""How much sooner are two processes of one thread done than one, sharing the images?"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prunescope.results.provenance import environment


def main() -> None:
    """Print one JSON object: seconds of one process over those of several, as whole commands.

    Each process computes with one thread. Starting Python and importing torch is in both.
    """
    given = arguments()
    conditions = environment()
    alone: list[float] = []
    together: list[float] = []
    for pair in range(given.pairs):
        for several in (True, False) if pair % 2 else (False, True):
            taken = seconds(given, given.processes if several else 1)
            (together if several else alone).append(taken)
    ratios = [one / several for one, several in zip(alone, together, strict=True)]
    figures = {
        "times_faster": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
        "seconds_alone": round(statistics.median(alone), 1),
        **vars(given),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--network", default="torchvision:resnet18", help="with random weights")
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--concepts", default="scenes", help="scenes or broden:DIR")
    parser.add_argument("--images", type=int, default=1000, help="the first so many of the set")
    parser.add_argument("--pairs", type=int, default=5, help="of timings")
    return parser.parse_args()


def seconds(given: argparse.Namespace, processes: int) -> float:
    """Run the dissection as a user would, and return the seconds until it is saved."""
    several = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, *(several if processes > 1 else []), "-m", "prunescope", "dissect"),
            *(given.network, "--layer", given.layer, "--concepts", given.concepts),
            *("--limit", str(given.images), "--out", str(Path(folder) / "D"), "--json"),
        ]
        started = time.perf_counter()
        subprocess.run(
            command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
