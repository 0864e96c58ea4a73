"""How long do `compare` and `summary` take on dissections as large as the paper's, in all?"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from prunescope.base.files import hash_file
from prunescope.concepts.protocol import Label
from prunescope.dissection.scores import score_units
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.overlap import Overlap
from prunescope.results.provenance import environment
from prunescope.results.units import count_units

CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
PIXELS = 10_000_000


def main() -> None:
    """Print one JSON object: seconds of the whole command, medians, and its conditions.

    identity_seconds: units paired by number. profile_seconds: by their IoU profiles.
    written_seconds: by number, with `--out` (tables and figure). summary_seconds: of one side.
    verifying_share: seconds of hashing every file of both sides, over those of `identity_seconds`;
        the command hashes only those it reads.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=2048)
    parser.add_argument("--labels", type=int, default=1197)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        sides = [str(Path(place, name)) for name in ("A", "B")]
        for seed, side in enumerate(sides):
            save_dissection(Path(side), given.units, given.labels, seed)
        commands = {
            "identity_seconds": ["compare", *sides],
            "profile_seconds": ["compare", *sides, "--match", "profile"],
            "written_seconds": ["compare", *sides, "--out", str(Path(place, "C"))],
            "summary_seconds": ["summary", sides[0]],
        }
        figures = {name: median_seconds(words, given.runs) for name, words in commands.items()}
        share = hashing_seconds([Path(side) for side in sides]) / figures["identity_seconds"]
        figures["verifying_share"] = round(share, 4)
    print(json.dumps(figures | vars(given) | {"conditions": environment()}))


def median_seconds(words: list[str], runs: int) -> float:
    """Return the median wall time of a command in a fresh process, after one to warm up."""
    seconds = []
    for run in range(runs + 1):
        started = time.perf_counter()
        command = [sys.executable, "-m", "prunescope", *words]
        subprocess.run(command, check=True, capture_output=True)
        if run:
            seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds), 3)


def hashing_seconds(folders: list[Path]) -> float:
    """Return how long hashing all files of some folders takes once they were read."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for _ in range(2):
        started = time.perf_counter()
        for file in files:
            hash_file(file)
    return time.perf_counter() - started


def save_dissection(folder: Path, units: int, labels: int, seed: int) -> None:
    """Save a made-up layer: its units answer to some labels, as many of them as real ones do."""
    named = [
        Label(number=i + 1, name=f"label {i}", category=CATEGORIES[i % len(CATEGORIES)])
        for i in range(labels)
    ]
    names = tuple(label.name for label in named)
    overlap = replace(random_overlap(units, labels, seed), label_names=names)
    table = score_units(overlap, iou=0.05)
    conditions = {
        "concept_set": {"name": "made up", "fingerprint": "0" * 64},
        "settings": {"quantile": 0.005},
    }
    layer = LayerDissection(
        layer="layer4",
        units=table,
        overlap=overlap,
        examples=pd.DataFrame({"unit": range(units)}),
        images=pd.DataFrame({"row": range(1)}),
        summary={**count_units(table, CATEGORIES), **conditions},
    )
    Dissection(layers={"layer4": layer}).save(folder)


def random_overlap(units: int, labels: int, seed: int) -> Overlap:
    """Return counts in which a unit meets every label a little and one of them more.

    The labels' sizes are the same for every seed.
    """
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(-1 % 2**32).integers(PIXELS // 100, PIXELS, labels)
    activation = random.integers(PIXELS // 10, PIXELS, (units, len(CATEGORIES)))
    share = random.exponential(0.005, (units, labels))
    share[np.arange(units), random.integers(0, labels, units)] += random.uniform(0, 0.4, units)
    category_of = np.arange(labels) % len(CATEGORIES)
    smaller = np.minimum(truth, activation[:, category_of])
    return Overlap(
        thresholds=np.zeros(units),
        intersection=(np.minimum(share, 1) * smaller).astype(np.int64),
        activation=activation,
        truth=truth,
        label_numbers=np.arange(1, labels + 1),
        category_of=category_of,
        categories=CATEGORIES,
        label_names=tuple(f"label {i}" for i in range(labels)),
    )


if __name__ == "__main__":
    main()
