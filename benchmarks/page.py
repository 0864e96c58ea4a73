"""How long does the page of a study as large as the paper's take to write, open and search?"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import sync_playwright

from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.concepts.protocol import Annotation, Label
from prunescope.report.figures import render_figures
from prunescope.report.pages.study import write_study_page
from prunescope.report.panels import Shown
from prunescope.report.style import LIGHT
from prunescope.results.layout import LevelKey
from prunescope.results.provenance import environment
from prunescope.results.run_tables import KEY, read_levels
from prunescope.results.units import count_units

CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
SIDE, CELLS, EXAMPLES, BORDERLINE = 224, 7, 16, 4
NOW = "performance.now()"
SEARCH = """words => new Promise(done => {
  const field = document.querySelector("#units input[type=search]");
  const begun = performance.now();
  field.value = words;
  field.dispatchEvent(new Event("input"));
  document.querySelector("#unit-table").getBoundingClientRect();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})"""
FILTER = (
    SEARCH.replace("input[type=search]", "input[type=checkbox]")
    .replace("field.value = words;", "field.checked = words;")
    .replace('"input"', '"change"')
)
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main() -> None:
    """Print one JSON object: seconds, bytes, milliseconds, and their conditions.

    write_seconds: of the page, its figures included, from saved dissections; write_cpu_seconds:
    the processor's. megabytes: of its
    folder. paint_ms: from opening until something is drawn. ready_ms: until the table of units
    can be searched. search_ms, filter_ms, unit_ms: from a letter, a click, an address until what
    it asks for is drawn; medians.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--levels", type=int, default=16)
    parser.add_argument("--units", type=int, default=2048)
    parser.add_argument("--labels", type=int, default=1197)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        concepts = MadeUp(Path(place), given.images, given.labels)
        keys = save_study(Path(place), concepts, given)
        levels = read_levels(Path(place, "tables", "levels.csv"))
        shares = made_up_shares(np.random.default_rng(0), levels, given.units)
        units = pd.read_parquet(Path(place, "tables", "units.parquet"))
        outcomes = made_up_outcomes(np.random.default_rng(0), units)
        shown = Shown(levels=levels, units=units, outcomes=outcomes)
        started, worked = time.perf_counter(), time.process_time()
        drawn = render_figures(shown, ("svg",), LIGHT)
        page = write_study_page(
            Path(place, "report"),
            name="made up",
            facts={},
            shown=shown,
            figures={name: contents["svg"] for name, contents in drawn.items()},
            shares=shares,
            draws=1000,
            verdicts={},
            dissections={key: [Path(place, key.path, "layer4")] for key in keys},
            concepts=concepts,
        )
        figures: dict[str, float] = {
            "write_seconds": time.perf_counter() - started,
            "write_cpu_seconds": time.process_time() - worked,
        }
        size = sum(path.stat().st_size for path in page.parent.rglob("*") if path.is_file())
        figures |= {"megabytes": size / 1e6} | in_browser(page, given)
    rounded = {name: round(value, 1) for name, value in figures.items()}
    print(json.dumps(rounded | vars(given) | {"conditions": environment()}))


def in_browser(page: Path, given: argparse.Namespace) -> dict[str, float]:
    """Return medians of what a reader waits for, each run in a new window."""
    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for run in range(given.runs):
            window = browser.new_page(viewport={"width": 1200, "height": 900})
            window.goto(page.as_uri())
            window.wait_for_selector("html[data-ready]")
            window.wait_for_selector("#unit-table tbody tr")
            times = {"ready_ms": window.evaluate(NOW), "paint_ms": window.evaluate(PAINT)}
            searches = [window.evaluate(SEARCH, text) for text in ("l", "la", "label 1", "")]
            times["search_ms"] = statistics.median(searches)
            times["filter_ms"] = statistics.median(
                window.evaluate(FILTER, chosen) for chosen in (True, False, True, False)
            )
            begun = window.evaluate(NOW)
            key = f"{given.replicates - 1}/lottery/{given.levels - 1}"
            window.evaluate(f"location.hash = '#unit=layer4/{run}&at={key}'")
            window.wait_for_selector(".card >> nth=0")
            times["unit_ms"] = window.evaluate(NOW) - begun
            for name, value in times.items():
                found.setdefault(name, []).append(value)
            window.close()
        browser.close()
    return {name: statistics.median(values) for name, values in found.items()}


class MadeUp:
    """Concept images on disk, each with six labels in blocks."""

    name, fingerprint, categories = "made up", "0" * 64, CATEGORIES

    def __init__(self, folder: Path, images: int, labels: int) -> None:
        """Save images of smooth noise."""
        self.folder = folder / "images"
        self.folder.mkdir()
        self.images = tuple(f"{index:05d}.jpg" for index in range(images))
        self.count = labels
        for index, name in enumerate(self.images):
            noise = np.random.default_rng(index).integers(0, 256, (28, 28, 3), np.uint8)
            picture = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            picture.save(self.folder / name)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """All labels, their categories in turn."""
        return tuple(
            Label(number=i + 1, name=f"label {i}", category=CATEGORIES[i % len(CATEGORIES)])
            for i in range(self.count)
        )

    def image_path(self, index: int) -> Path:
        """Return where an image is."""
        return self.folder / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image."""
        return Image.open(self.image_path(index)).convert("RGB")

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image."""
        random = np.random.default_rng(index)
        blocks = random.integers(1, self.count + 1, (2, 4, 4)).astype(np.int32)
        planes = np.kron(blocks, np.ones((1, SIDE // 8, SIDE // 8), np.int32))
        return Annotation(planes=planes.astype(np.int32), whole=(1 + index % self.count,))


def save_study(place: Path, concepts: MadeUp, given: argparse.Namespace) -> list[LevelKey]:
    """Save the dissections and the tables of a study, and return its levels."""
    records, keys = [], []
    for replicate in range(given.replicates):
        for level in range(given.levels):
            strategy = "lottery" if level else "dense"
            key = LevelKey(replicate=replicate, strategy=strategy, level=level)
            random = np.random.default_rng([replicate, level])
            units = made_up_units(random, concepts, given.units)
            folder = place / key.path / "layer4"
            folder.mkdir(parents=True)
            units.to_parquet(folder / "units.parquet")
            examples = made_up_images(random, concepts, given.units, EXAMPLES)
            examples.to_parquet(folder / "examples.parquet")
            borderline = made_up_images(random, concepts, given.units, BORDERLINE)
            borderline.assign(pixels=9).to_parquet(folder / "borderline.parquet")
            made_up_peaks(random, given).to_parquet(folder / "peaks.parquet")
            (folder / "summary.json").write_text(json.dumps({"convention": "exact"}))
            facts = {"keep": 0.8**level, "keep_overall": 0.8**level, "accuracy": 0.7}
            record: dict[str, Any] = {"level": level, "units": {"layer4": units}, **facts}
            records.append(LevelRecord(replicate=replicate, strategy=strategy, **record))
            keys.append(key)
    write_tables(records, place / "tables")
    return keys


def made_up_units(random: np.random.Generator, concepts: MadeUp, count: int) -> pd.DataFrame:
    """Return a table of units whose best labels are any."""
    labels = random.integers(0, concepts.count, (3, count))
    table: dict[str, Any] = {"unit": np.arange(count), "threshold": random.uniform(1, 2, count)}
    ious = np.sort(random.exponential(0.05, (3, count)), axis=0)[::-1]
    for place, chosen, iou in zip(("", "_2", "_3"), labels, ious, strict=True):
        table[f"concept{place}"] = [concepts.labels[label].name for label in chosen]
        table[f"category{place}"] = [concepts.labels[label].category for label in chosen]
        table[f"iou{place}"] = iou
    table |= {name: random.uniform(0, 1, count) for name in ("precision", "recall", "f1")}
    table |= {"label": labels[0] + 1, "interpretable": table["iou"] > 0.05, "dead": False}
    for category in CATEGORIES:
        table |= {f"{category}_label": None, f"{category}_iou": np.nan}
    found = pd.DataFrame(table)
    assert count_units(found)["units"] == count
    return found


def made_up_peaks(random: np.random.Generator, given: argparse.Namespace) -> pd.DataFrame:
    """Return a histogram of each unit's peaks on all images."""
    peaks = random.exponential(1.0, (given.units, given.images)).clip(max=5.9)
    counts = [np.bincount((each / 0.125).astype(int)) for each in peaks]
    return pd.DataFrame(
        {"unit": np.arange(given.units), "bin_width": 0.125, "first_bin": 0, "counts": counts}
    )


def made_up_shares(random: np.random.Generator, levels: pd.DataFrame, units: int) -> pd.DataFrame:
    """Return in which shares of draws each unit of each level is sure."""
    rows = levels[KEY].loc[levels.index.repeat(units)].reset_index(drop=True)
    shares = random.integers(0, 1001, (len(rows), 3)) / 1000
    return rows.assign(
        unit=np.tile(np.arange(units), len(levels)),
        interpretable_share=shares[:, 0],
        concept_share=shares[:, 1],
        outcome_share=shares[:, 2],
    )


def made_up_outcomes(random: np.random.Generator, units: pd.DataFrame) -> pd.DataFrame:
    """Return what became of the concepts of each level since level 0, and how surely."""
    names = ["replicate", "layer", "category", "concept"]
    seen = units[units["interpretable"]].groupby([*names, "strategy", "level"]).size()
    table = seen.rename("units_after").reset_index()
    dense = table[table["level"] == 0].drop(columns=["strategy", "level"])
    pruned = table[table["level"] > 0]
    before = dense.rename(columns={"units_after": "units_before"})
    levels = pruned[["replicate", "layer", "strategy", "level"]].drop_duplicates()
    every = before.merge(levels).merge(pruned, how="outer").fillna({"units_before": 0})
    every = every.fillna({"units_after": 0}).astype({"units_before": int, "units_after": int})
    was, stays = every["units_before"] > 0, every["units_after"] > 0
    outcome = np.where(was & stays, "kept", np.where(was, "lost", "gained"))
    share = random.integers(0, 1001, len(every)) / 1000
    return every.assign(outcome=outcome, share=share, certain=share >= 0.95)


def made_up_images(
    random: np.random.Generator, concepts: MadeUp, count: int, each: int
) -> pd.DataFrame:
    """Return so many images for each unit, with maps of 7 x 7 cells."""
    rows = count * each
    images = random.integers(0, len(concepts.images), rows)
    maps = random.exponential(1.0, (rows, CELLS * CELLS)).astype(np.float32)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(count), each),
            "rank": np.tile(np.arange(each), count),
            "image": [concepts.images[index] for index in images],
            "row": images,
            "peak": maps.max(axis=1),
            "peak_row": 0,
            "peak_column": 0,
            "map": list(maps),
            "height": CELLS,
            "width": CELLS,
        }
    )


if __name__ == "__main__":
    main()
