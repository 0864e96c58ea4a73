"""How long does the command `run` take on a study that is finished?"""

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
    """Print one JSON object: seconds of the whole command, and those of the processor.

    The study is run first, unless its run folder is given; whatever that lacks is made.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--run", type=Path, help="a run folder of the recipe")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", dest="overrides")
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        run = asked.run or Path(folder) / "run"
        changes = [word for change in asked.overrides for word in ("--set", change)]
        words = ["run", asked.recipe, "--out", str(run), *changes]
        timed(words)
        taken = [timed(words) for _ in range(asked.runs + 1)][1:]
        artifacts = sum(1 for _ in run.rglob("manifest*.json"))
    seconds, processor = zip(*taken, strict=True)
    figures = {
        "seconds": round(statistics.median(seconds), 2),
        "least": round(min(seconds), 2),
        "most": round(max(seconds), 2),
        "processor_seconds": round(statistics.median(processor), 2),
        "artifacts": artifacts,
        "runs": asked.runs,
        "load": os.getloadavg()[0],
    }
    print(json.dumps(figures | {"conditions": conditions}))


def timed(words: list[str]) -> tuple[float, float]:
    """Return the seconds of a command of prunescope, and those of the processor."""
    started, before = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "prunescope", *words]
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    processor = sum(after[2:4]) - sum(before[2:4])  # of children
    return time.perf_counter() - started, processor


if __name__ == "__main__":
    main()
