"""How long does a whole demo take, drawing of the pictures included, and how much memory?"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd

from prunescope.recipe import load_recipe
from prunescope.results.layout import PROVENANCE
from prunescope.results.provenance import environment
from prunescope.results.run_tables import level_categories

SECONDS_BETWEEN_LOOKS = 1.0  # a look walks the page tables: 20 ms for each GiB
KIB = 1024


def main() -> None:
    """Print one JSON object: seconds, peak memory of all its processes, and what it came to.

    It runs on Linux, where the memory of a process stands in /proc.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=Path, help="another study in its place")
    given = parser.parse_args()
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "demo"
        command = ["run", str(given.recipe)] if given.recipe else ["demo"]
        surroundings = os.environ | {"PRUNESCOPE_CACHE": str(Path(folder) / "cache")}
        started = time.perf_counter()
        demo = subprocess.Popen(
            [sys.executable, "-m", "prunescope", *command, "--out", str(out)],
            env=surroundings,
            stdout=subprocess.DEVNULL,
        )
        peak = watch_memory(demo)
        seconds = time.perf_counter() - started
        levels = pd.read_csv(out / "tables" / "levels.csv")
        [invocation] = json.loads((out / PROVENANCE).read_bytes())["invocations"]
    accuracy = levels.groupby("level")["accuracy"].mean()
    unpruned = levels[levels["level"] == 0].sum(numeric_only=True)
    units = {name: int(unpruned[f"{name}_units"]) for name in level_categories(levels)}
    figures = {
        "study": load_recipe(given.recipe).name if given.recipe else "demo",
        "seconds": round(seconds, 1),
        "peak_gib": round(peak / 2**30, 2),
        "replicates": int(levels["replicate"].nunique()),
        "levels": int(levels["level"].nunique()),
        "accuracy_dense": round(float(accuracy.iloc[0]), 4),
        "accuracy_sparsest": round(float(accuracy.iloc[-1]), 4),
        "keep_sparsest": round(float(levels["keep"].min()), 4),
        "unpruned_interpretable_units": units,
        "workers": invocation["workers"],
        "threads_per_worker": invocation["threads"],
    }
    print(json.dumps(figures | {"conditions": conditions}))


def watch_memory(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process; return the most memory it and its children held at once, in bytes.

    Memory that processes share is divided among them (Linux's proportional set size). What is
    held for less than a second may be missed.
    """
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(held_by, [process.pid, *descendants(process.pid)])))
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        sys.exit(f"the demo ended with status {process.returncode}")
    return peak


def descendants(process: int) -> list[int]:
    """Return a process's children and theirs, as far as they still live."""
    found: list[int] = []
    for listing in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = [int(number) for number in listing.read_text().split()]
        except OSError:
            continue  # the thread has ended
        for child in children:
            found += [child, *descendants(child)]
    return found


def held_by(process: int) -> int:
    """Return the memory of one process in bytes; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
