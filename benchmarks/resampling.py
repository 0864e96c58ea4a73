"""How long does it take to resample the images of a layer, of a comparison, of a study?"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.dissection.scores import score_units
from prunescope.report.figures import draw_figures
from prunescope.report.panels import Shown
from prunescope.results.class_tables import read_classes
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.layout import (
    DENSE,
    FIGURES,
    INTERVALS,
    LEVELS,
    TABLES,
    UNITS,
    LevelKey,
)
from prunescope.results.opened import open_layer
from prunescope.results.overlap import Overlap
from prunescope.results.predictions import predictions_table
from prunescope.results.provenance import environment
from prunescope.results.reading import read_table
from prunescope.results.run_tables import read_levels
from prunescope.results.schemas import LEVEL_UNIT_COLUMNS
from prunescope.results.tables import write_csv
from prunescope.results.units import count_units
from prunescope.statistics.levels import ResampledLevels, resample_levels
from prunescope.statistics.settings import ResamplingSettings, VerdictSettings
from prunescope.statistics.who_paid import write_who_paid
from prunescope.statistics.writing import write_verdicts

PIXELS = 112 * 112
CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
OF_LABELS = (0.01, 0.48, 0.2, 0.02, 0.25, 0.04)
"""The share of the labels in each category, about as in Broden."""
ON_AN_IMAGE = (8, 6, 4, 2, 1, 1)
"""How many labels of each category an image carries, if any."""
CARRIED = ((0, 1, 2, 3, 4), (0, 1), (0, 5))
"""Which categories an image carries."""
FIRES = 0.1
"""The share of the images on which a unit fires."""


def main() -> None:
    """Print one JSON object: seconds, processor seconds, memory, and the conditions.

    layer: of drawing the images of a layer, reading it included. compare_with, compare_without: of
    the whole command with draws and without, in turns. study: of all tables, intervals, verdicts
    and figures of a study, whose layers are two in turn, and intervals: of these alone within it;
    the memory is that of the process at its peak then.
    """
    given = arguments()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        sides = [Path(place, name) for name in ("A", "B")]
        for seed, side in enumerate(sides):
            save_dissection(side, given.units, given.labels, given.images, seed)
        opened = [partial(open_layer, side / "layer4") for side in sides]
        layer = [timed(lambda: opened[0]().resample(draws=given.draws)) for _ in range(given.runs)]
        compare = ["compare", *map(str, sides), "--draws"]
        pairs = [
            (whole([*compare, str(given.draws)]), whole([*compare, "0"])) for _ in range(given.runs)
        ]
        keys = [
            LevelKey(replicate=replicate, strategy="lottery" if level else DENSE, level=level)
            for replicate in range(given.replicates)
            for level in range(given.levels)
        ]
        folder = Path(place, "run")
        study, intervals = tabulate(folder, dict(zip(keys, cycle(opened), strict=False)), given)
    figures = {
        "layer": medians(layer),
        "compare_with": medians([taken for taken, _ in pairs]),
        "compare_without": medians([taken for _, taken in pairs]),
        "study": medians([study]),
        "intervals": medians([intervals]),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load_before": round(load, 1),
    }
    print(json.dumps(figures | vars(given) | {"conditions": environment()}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=2048)
    parser.add_argument("--labels", type=int, default=1197)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--levels", type=int, default=16)
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


def tabulate(
    folder: Path,
    layers: Mapping[LevelKey, Callable[[], LayerDissection]],
    given: argparse.Namespace,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Write all tables and figures of a study; return how long it took, and its draws alone."""
    tables = folder / TABLES
    settings = ResamplingSettings(draws=given.draws)
    random = np.random.default_rng(0)
    predicted = {key: random_predictions(random, given.images) for key in layers}
    found: list[ResampledLevels] = []
    opened = {
        (key.replicate, key.strategy, key.level, "layer4"): layer for key, layer in layers.items()
    }

    def write() -> tuple[float, float]:
        records = [
            LevelRecord(
                replicate=key.replicate,
                strategy=key.strategy,
                level=key.level,
                keep=0.8**key.level,
                keep_overall=0.8**key.level,
                accuracy=0.7 - 0.001 * key.level,
                units={"layer4": layer().units},
            )
            for key, layer in layers.items()
        ]
        write_tables(records, tables)
        write_who_paid(tables, predicted)
        draws = timed(lambda: found.append(resample_levels(opened, settings)))
        write_csv(tables / INTERVALS, found[0].intervals, na_rep="nan")
        verdict = VerdictSettings()
        write_verdicts(tables, verdict, looks=1, image_variance=found[0].change_variance)
        units, classes = read_table(tables / UNITS, LEVEL_UNIT_COLUMNS), read_classes(folder)
        shown = Shown(levels=read_levels(tables / LEVELS), units=units, classes=classes)
        draw_figures(shown, folder / FIGURES)
        return draws

    draws: list[tuple[float, float]] = []
    whole_study = timed(lambda: draws.append(write()))
    return whole_study, draws[0]


def random_predictions(random: np.random.Generator, images: int) -> pd.DataFrame:
    """Return what a network that is right in seven of ten images says of a hundred classes."""
    labels = np.arange(images) % 100
    said = np.where(random.random(images) < 0.7, labels, random.integers(0, 100, images))
    return predictions_table(
        [f"class {index}" for index in range(100)],
        label=labels,
        prediction=said,
        probability=random.random(images),
        rank=np.ones(images),
        loss=random.random(images),
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that work takes, and those of the processor."""
    started, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - processor


def whole(words: list[str]) -> tuple[float, float]:
    """Return the seconds of a command in a fresh process, and those of the processor."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "prunescope", *words]
    subprocess.run(command, check=True, capture_output=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor


def medians(taken: list[tuple[float, float]]) -> dict[str, float]:
    """Return the medians of several runs."""
    seconds, processor = (statistics.median(each) for each in zip(*taken, strict=True))
    return {"seconds": round(seconds, 2), "processor_seconds": round(processor, 2)}


def save_dissection(folder: Path, units: int, labels: int, images: int, seed: int) -> None:
    """Save a made-up layer whose units like a label each, with the counts of every image.

    What images are labelled with is the same for every seed.
    """
    table, overlap = random_counts(units, labels, images, seed)
    scored = score_units(overlap, iou=0.05)
    conditions = {
        "concept_set": {"name": "made up", "fingerprint": "0" * 64},
        "settings": {"quantile": 0.005, "iou": 0.05},
    }
    layer = LayerDissection(
        layer="layer4",
        units=scored,
        overlap=overlap,
        examples=pd.DataFrame({"unit": range(units)}),
        images=table,
        summary={**count_units(scored, CATEGORIES), **conditions},
    )
    Dissection(layers={"layer4": layer}).save(folder)


def random_counts(units: int, labels: int, images: int, seed: int) -> tuple[pd.DataFrame, Overlap]:
    """Return the counts of every image, and their sums."""
    random = np.random.default_rng(seed)
    category_of = np.sort(np.random.default_rng(7).choice(6, labels, p=OF_LABELS))
    labelled = [random_labels(np.random.default_rng(100 + i), category_of) for i in range(images)]
    carries = np.zeros((images, labels), bool)
    for image, (carried, _) in enumerate(labelled):
        carries[image, carried] = True
    liked = random.integers(0, labels, units)
    attraction = np.where(carries[:, liked], random.uniform(1, 60, units), 1.0)
    fires = random.random((images, units)) < np.minimum(
        1, FIRES * attraction / attraction.mean(axis=0)
    )
    intersection = np.zeros((units, labels), np.int64)
    activation = np.zeros((units, len(CATEGORIES)), np.int64)
    truth = np.zeros(labels, np.int64)
    rows = []
    for image, (carried, pixels) in enumerate(labelled):
        firing = np.flatnonzero(fires[image])
        area = random.integers(100, 2000, len(firing))
        both = random_overlap(random, area, pixels, carried == liked[firing, None])
        intersection[firing[:, None], carried] += both
        activation[firing[:, None], np.unique(category_of[carried])] += area[:, None]
        truth[carried] += pixels
        lists = (carried + 1, pixels, firing, area, both.ravel())
        rows.append([f"{image}.jpg", image, PIXELS, *(each.astype(np.int32) for each in lists)])
    columns = ["image", "row", "pixels", "labels", "truth", "units", "activation", "intersection"]
    overlap = Overlap(
        thresholds=np.zeros(units),
        intersection=intersection,
        activation=activation,
        truth=truth,
        label_numbers=np.arange(1, labels + 1),
        category_of=category_of,
        categories=CATEGORIES,
        label_names=tuple(f"label {index}" for index in range(labels)),
    )
    return pd.DataFrame(rows, columns=columns), overlap


def random_labels(
    random: np.random.Generator, category_of: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that an image carries, and the pixels of each; some labels are frequent."""
    found: dict[int, int] = {}
    for category in CARRIED[random.choice(len(CARRIED), p=(0.55, 0.2, 0.25))]:
        labels = np.flatnonzero(category_of == category)
        frequency = 1 / (np.arange(len(labels)) + 3.0)
        count = min(ON_AN_IMAGE[category], len(labels))
        chosen = random.choice(labels, count, replace=False, p=frequency / frequency.sum())
        pixels = np.maximum(1, 0.9 * PIXELS * random.dirichlet(np.ones(count)))
        found |= dict(zip(chosen.tolist(), pixels.astype(int).tolist(), strict=True))
    return np.array(sorted(found)), np.array([found[label] for label in sorted(found)])


def random_overlap(
    random: np.random.Generator, area: np.ndarray, pixels: np.ndarray, is_liked: np.ndarray
) -> np.ndarray:
    """Return the pixels of each mask with each label: many at random, most with the liked one."""
    share = pixels / PIXELS * np.exp(random.normal(0, 1, is_liked.shape))
    share[random.random(share.shape) < 0.4] = 0
    share = np.where(is_liked, random.uniform(0.3, 0.95, share.shape), share)
    shared: np.ndarray = np.minimum(np.minimum(share, 1) * area[:, None], pixels).astype(np.int64)
    return shared


if __name__ == "__main__":
    main()
