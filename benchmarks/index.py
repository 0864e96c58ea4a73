"""How long does opening a concept set of 200,000 images take, and how much memory?"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from prunescope.results.provenance import environment

CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
LABELS = 1_197
OPEN = """
import json, re, sys, time
from pathlib import Path
import pyarrow
pyarrow.set_cpu_count(1)
from prunescope.concepts.sources.broden import BrodenFolder

def memory():
    status = Path("/proc/self/status").read_text()  # ru_maxrss begins with the parent's
    return int(re.search("VmHWM:\\s*([0-9]+) kB", status)[1]) / 1024

before, cpu, started = memory(), time.process_time(), time.perf_counter()
concepts = BrodenFolder.open(Path(sys.argv[1]))
taken = {
    "seconds": time.perf_counter() - started,
    "cpu_seconds": time.process_time() - cpu,
    "peak_mib": memory(),
    "imports_mib": before,
    "images": len(concepts.images),
}
print(json.dumps(taken))
"""


def main() -> None:
    """Print one JSON object: medians over fresh processes, and the conditions. Linux only.

    seconds, cpu_seconds: of opening the set, on one thread, every row checked. peak_mib: of the
    whole process, imports_mib of it before the set was opened. file_mib: of index.csv.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5, help="after a first one")
    asked = parser.parse_args()
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        size = write_set(Path(folder), asked.rows)
        command = [sys.executable, "-c", OPEN, folder]
        taken = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(asked.runs + 1)
        ][1:]
    names = ("seconds", "cpu_seconds", "peak_mib", "imports_mib")
    figures = {name: round(statistics.median(own[name] for own in taken), 3) for name in names}
    figures |= {"images": taken[0]["images"], "file_mib": round(size / 2**20, 1)}
    print(json.dumps(figures | vars(asked) | {"conditions": conditions}))


def write_set(folder: Path, rows: int) -> int:
    """Write the CSV files of a set as wide as Broden's; return the bytes of its index.

    Rows have one to four label maps, one or two of their cells numbers, as Broden's have.
    """
    draw = random.Random(0)
    (folder / "images").mkdir()
    numbers = range(1, LABELS + 1)
    lines = [f"{number},label {number}" for number in numbers]
    (folder / "label.csv").write_text("\r\n".join(["number,name", *lines, ""]))
    (folder / "category.csv").write_text("\r\n".join(["name", *CATEGORIES, ""]))
    for place, category in enumerate(CATEGORIES):
        own = [f"{number},1.5" for number in numbers if number % len(CATEGORIES) == place]
        (folder / f"c_{category}.csv").write_text("\r\n".join(["number,coverage", *own, ""]))
    index = folder / "index.csv"
    with index.open("w", newline="") as file:
        file.write(",".join(["image,split,ih,iw,sh,sw", *CATEGORIES]) + "\r\n")
        for row in range(rows):
            file.write(",".join(row_of(row, draw)) + "\r\n")
    return index.stat().st_size


def row_of(row: int, draw: random.Random) -> list[str]:
    """Return the cells of one row."""
    stem = f"ade20k/ADE_train_{row:08d}"
    split = "train" if draw.random() < 0.7 else "val"
    parts = ";".join(f"{stem}_part_{i}.png" for i in range(1, 1 + draw.randrange(4)))
    scene = str(draw.randrange(1, LABELS + 1))
    texture = str(draw.randrange(1, LABELS + 1)) if draw.random() < 0.1 else ""
    maps = [f"{stem}_color.png", f"{stem}_object.png", parts, ""]
    return [f"{stem}.jpg", split, "224", "224", "112", "112", *maps, scene, texture]


if __name__ == "__main__":
    main()
