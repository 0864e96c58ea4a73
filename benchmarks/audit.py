"""How long does `prunescope audit` of a ResNet-50 take, as a whole command? Fresh processes."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from prunescope.base.provenance import environment
from prunescope.networks import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.writing import write_weights

RUNS = 5
NETWORK = "torchvision:resnet50"
KEEP = 0.168


def main() -> None:
    """Print one JSON object: seconds of the command, and of importing torch, which it must."""
    with tempfile.TemporaryDirectory() as folder:
        dense, small = Path(folder) / "dense.pth", Path(folder) / "small.safetensors"
        torch.save(build(NETWORK, seed=0).state_dict(), dense)
        pruned = prune_saved(NETWORK, weights=dense, keep=KEEP)
        write_weights(small, pruned.network, pruned.mask, "prunescope")
        audit = [sys.executable, "-m", "prunescope", "audit", str(small), "--json"]
        said = subprocess.run(audit, check=True, capture_output=True, text=True).stdout
        counts = json.loads(said.splitlines()[-1])
        seconds = {"audit_seconds": median_seconds(audit)}
    seconds["import_torch_seconds"] = median_seconds([sys.executable, "-c", "import torch"])
    figures = {
        **seconds,
        "network": NETWORK,
        "keep": KEEP,
        "multiply_adds": counts["multiply_adds"],
        "sparse_multiply_adds": counts["sparse_multiply_adds"],
        "problems": len(counts["problems"]),
        "runs": RUNS,
    }
    print(json.dumps(figures | {"conditions": environment()}))


def median_seconds(command: list[str]) -> float:
    """Return the median wall time of a command, after one run to warm the disk."""
    seconds = []
    for run in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        if run:
            seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds), 3)


if __name__ == "__main__":
    main()
