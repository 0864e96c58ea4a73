"""How is a drawn set written as a folder in Broden's layout?"""

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from prunescope.concepts.scenery.labels import CATEGORIES, PLANES, VOCABULARY, label_planes
from prunescope.concepts.scenery.picture import draw_picture
from prunescope.concepts.scenery.scene_set import SceneSet, Spot
from prunescope.concepts.writing import INDEX, LabelRow, save_csv, save_map, save_png, save_tables

Planes = UInt8[np.ndarray, "plane cell_row cell_column"]


def draw_pictures(
    root: Path, scenes: SceneSet, pictures: Iterable[Spot]
) -> Generator[Planes, None, None]:
    """Draw pictures and save them below `root`/images; yield the label maps of each."""
    for spot in pictures:
        picture = draw_picture(**spot._asdict(), seed=scenes.seed, size=scenes.size)
        save_png(picture.pixels, root / "images" / f"{spot.stem}.png")
        yield label_planes(picture)


def save_labels(root: Path, pictures: Sequence[Spot], sheets: Sequence[Planes]) -> None:
    """Save the label maps of all pictures, except empty ones, and the CSV files.

    Labels are numbered from 1 by falling frequency over all categories, ties in the order of
    VOCABULARY.
    """
    length = len(VOCABULARY) + 1
    counts = np.array([np.bincount(sheet.ravel(), minlength=length) for sheet in sheets])
    frequency, coverage = (counts > 0).sum(axis=0), counts.sum(axis=0) / sheets[0][0].size
    order = np.argsort(-frequency[1:], kind="stable") + 1
    order = order[frequency[order] > 0]
    numbers = np.zeros(length, dtype=np.int64)
    numbers[order] = np.arange(1, len(order) + 1)
    labels = []
    for number, concept in enumerate(order.tolist(), start=1):
        category, name = VOCABULARY[concept - 1]
        covered = int(frequency[concept]), float(coverage[concept])
        labels.append(LabelRow(number, name, category, *covered))
    save_tables(root, labels, CATEGORIES)
    drawn = zip(pictures, sheets, strict=True)
    rows = [_save_maps(root, spot, numbers[sheet]) for spot, sheet in drawn]
    save_csv(root / "index.csv", [*INDEX, *CATEGORIES], rows)


def _save_maps(
    root: Path, spot: Spot, planes: Int64[np.ndarray, "plane cell_row cell_column"]
) -> list[str]:
    """Save the label maps of a picture; return its row of index.csv."""
    entries: dict[str, list[str]] = {category: [] for category in CATEGORIES}
    for name, plane in zip(PLANES, planes, strict=True):
        category, entry = name.partition("_")[0], f"labels/{spot.stem}_{name}.png"
        if category == "scene" and plane.any():  # it fills the picture
            entries[category].append(str(plane[0, 0]))
        elif plane.any():
            save_map(plane, root / "images" / entry)
            entries[category].append(entry)
    whole, half = str(2 * planes.shape[1]), str(planes.shape[1])
    joined = [";".join(entries[category]) for category in CATEGORIES]
    return [f"{spot.stem}.png", spot.split, whole, whole, half, half, *joined]
