"""How long does `prunescope audit` of a ResNet-50 take, as a whole command? Fresh processes."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.results.provenance import environment

NETWORK = "torchvision:resnet50"
KEEP = 0.168
IMPORT = [sys.executable, "-c", "import torch"]


def main() -> None:
    """Print one JSON object: seconds of the command, and of importing torch, which it includes.

    The two take turns, so that a busy moment of the machine meets both.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="of each command, after a first one")
    parser.add_argument("--network", default=NETWORK)
    asked = parser.parse_args()
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        small = write_pruned(asked.network, Path(folder))
        audit = [sys.executable, "-m", "prunescope", "audit", str(small), "--json"]
        taken = [(seconds_of(audit), seconds_of(IMPORT)) for _ in range(asked.runs + 1)]
        said = subprocess.run(audit, check=True, capture_output=True, text=True).stdout
    counts = json.loads(said.splitlines()[-1])
    seconds = [round(statistics.median(each), 3) for each in zip(*taken[1:], strict=True)]
    figures = {
        "audit_seconds": seconds[0],
        "import_torch_seconds": seconds[1],
        "network": asked.network,
        "keep": counts["keep"],
        "multiply_adds": counts["multiply_adds"],
        "sparse_multiply_adds": counts["sparse_multiply_adds"],
        "runs": asked.runs,
    }
    print(json.dumps(figures | {"conditions": conditions}))


def write_pruned(network: str, folder: Path) -> Path:
    """Write a network's first weights, pruned, and return the file."""
    dense, small = folder / "dense.pth", folder / "small.safetensors"
    torch.save(build(network, seed=0).state_dict(), dense)
    pruned = prune_saved(network, PruneSettings(keep=KEEP), weights=dense)
    return write_weights(small, pruned.network, pruned.mask, "prunescope")[0]


def seconds_of(command: list[str]) -> float:
    """Return the wall time of a command in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
