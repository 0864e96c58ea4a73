"""Do the benchmarks end with one JSON object that says under which conditions it holds?"""

import json
import subprocess
import sys
from pathlib import Path

STARTUP = Path(__file__).parents[1] / "benchmarks" / "startup.py"


def test_a_benchmark_ends_with_its_figures_and_their_conditions() -> None:
    ended = subprocess.run(
        [sys.executable, STARTUP, "--runs", "1"], capture_output=True, text=True, check=True
    )
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["runs"] == 1
    assert 0 < found["python_alone_seconds"] < found["help_seconds"]
    assert found["conditions"].keys() >= {"commit", "machine", "cores", "packages", "started"}
