"""How long does `prunescope dissect NETWORK --list-layers` take, as a whole command?"""

import argparse
import json
import statistics
import subprocess
import sys

from prunescope.results.provenance import environment
from startup import seconds_of


def main() -> None:
    """Print one JSON object: seconds of the command, and of importing torch, which is in it.

    Both are medians of fresh processes, which take turns.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet50")
    parser.add_argument("--runs", type=int, default=7, help="of each command, after a first one")
    asked = parser.parse_args()
    conditions = environment()
    commands = {
        "list_layers_seconds": ["-m", "prunescope", "dissect", asked.network, "--list-layers"],
        "import_torch_seconds": ["-c", "import torch"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(asked.runs + 1):  # the first warms the disk
        for name, words in commands.items():
            seconds[name].append(seconds_of([sys.executable, *words]))
    shown = [sys.executable, *commands["list_layers_seconds"], "--json"]
    found = json.loads(subprocess.run(shown, check=True, capture_output=True, text=True).stdout)
    figures = {name: round(statistics.median(taken[1:]), 3) for name, taken in seconds.items()}
    asked_for = {"network": asked.network, "resolution": found["resolution"], "runs": asked.runs}
    counts = {"layers": len(found["layers"])}
    print(json.dumps({**figures, **asked_for, **counts, "conditions": conditions}))


if __name__ == "__main__":
    main()
