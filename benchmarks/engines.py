"""How much sooner is a study done by two workers, under each engine, than by one?"""

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

_WAYS = {
    "one": ("--workers", "1"),
    "local": ("--workers", "2"),
    "ray": ("--workers", "2", "--engine", "ray"),
}


def main() -> None:
    """Print one JSON object: seconds of a study as a whole command, by one worker and by two.

    Every worker computes with one thread. Starting Python, and Ray's own cluster on this machine,
    is in the seconds. `overhead_per_stage`: what a worker's time with Ray is longer by than with
    the local engine, for each stage that it performs.
    """
    given = arguments()
    conditions = environment()
    taken: dict[str, list[float]] = {way: [] for way in _WAYS}
    stages = 0
    for turn in range(given.turns):
        ways = list(_WAYS) if turn % 2 else list(_WAYS)[::-1]
        for way in ways:
            seconds, stages = time_study(given, _WAYS[way])
            taken[way].append(seconds)
    figures = {
        "ray_over_one": ratio(taken["one"], taken["ray"]),
        "local_over_one": ratio(taken["one"], taken["local"]),
        "ray_over_local": ratio(taken["local"], taken["ray"]),
        "overhead_per_stage": round(
            2
            * statistics.median(
                ray - local for ray, local in zip(taken["ray"], taken["local"], strict=True)
            )
            / stages,
            3,
        ),
        "seconds": {way: round(statistics.median(each), 1) for way, each in taken.items()},
        "stages": stages,
        "turns": given.turns,
        "recipe": given.recipe,
        "set": given.set,
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--set", action="append", metavar="A.B=C")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    if given.set is None:
        given.set = ["replicates=4", "pruning.strategies={lottery: {fraction: 0.2, levels: 1}}"]
    return given


def time_study(given: argparse.Namespace, how: tuple[str, ...]) -> tuple[float, int]:
    """Run the study in a new folder; return the seconds, and how many stages were performed."""
    overrides = [word for each in given.set for word in ("--set", each)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "prunescope", "run", given.recipe, *overrides]
        started = time.monotonic()
        subprocess.run(
            [*command, "--out", str(out), *how],
            check=True,
            capture_output=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        taken = time.monotonic() - started
        made = json.loads((out / "provenance.json").read_text())["artifacts"]
    return taken, len(made)


def ratio(longer: list[float], shorter: list[float]) -> dict[str, float]:
    """Return how many times as long the first took in each turn: median, least and most."""
    each = [a / b for a, b in zip(longer, shorter, strict=True)]
    found = {"median": statistics.median(each), "least": min(each), "most": max(each)}
    return {name: round(value, 3) for name, value in found.items()}


if __name__ == "__main__":
    main()
