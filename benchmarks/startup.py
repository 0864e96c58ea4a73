"""How long do `import prunescope` and `prunescope --help` take? Medians of fresh processes."""

import argparse
import json
import statistics
import subprocess
import sys
import time

from prunescope.results.provenance import environment

COMMANDS = {
    "import_seconds": [sys.executable, "-c", "import prunescope"],
    "help_seconds": [sys.executable, "-m", "prunescope", "--help"],
    "python_alone_seconds": [sys.executable, "-c", ""],
}


def main() -> None:
    """Print one JSON object: seconds of the import, of the help, and of Python alone.

    The first two include the third. The commands take turns, so that a busy moment of the machine
    meets all of them.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="of each command, after a first one")
    runs = parser.parse_args().runs
    conditions = environment()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):  # the first warms the disk
        for name, command in COMMANDS.items():
            seconds[name].append(seconds_of(command))
    figures = {name: round(statistics.median(taken[1:]), 3) for name, taken in seconds.items()}
    print(json.dumps({**figures, "runs": runs, "conditions": conditions}))


def seconds_of(command: list[str]) -> float:
    """Return the wall time of a command in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
