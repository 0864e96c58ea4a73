"""How long do `import prunescope` and `prunescope --help` take? Medians of fresh processes."""

import json
import statistics
import subprocess
import sys
import time

from prunescope.base.provenance import environment

RUNS = 7
IMPORT = [sys.executable, "-c", "import prunescope, sys; sys.exit('torch' in sys.modules)"]
HELP = [sys.executable, "-m", "prunescope", "--help"]


def median_seconds(command: list[str]) -> float:
    """Return the median wall time of a command, after one run to warm the disk."""
    seconds = []
    for run in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        if run:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Print one JSON object: seconds of the import, of the help, and of Python alone."""
    figures = {
        "import_seconds": round(median_seconds(IMPORT), 3),
        "help_seconds": round(median_seconds(HELP), 3),
        "python_alone_seconds": round(median_seconds([sys.executable, "-c", ""]), 3),
        "runs": RUNS,
    }
    print(json.dumps(figures | {"conditions": environment()}))


if __name__ == "__main__":
    main()
