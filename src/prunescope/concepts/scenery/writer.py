"""How is a drawn set written as a folder in Broden's layout?"""

import csv
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from prunescope.concepts.scenery.labels import CATEGORIES, PLANES, VOCABULARY, label_planes
from prunescope.concepts.scenery.picture import draw_picture
from prunescope.concepts.scenery.scene_set import SceneSet, Spot

Planes = UInt8[np.ndarray, "plane cell_row cell_column"]


def draw_pictures(
    root: Path, scenes: SceneSet, pictures: Iterable[Spot]
) -> Generator[Planes, None, None]:
    """Draw pictures and save them below `root`/images; yield the label maps of each."""
    for spot in pictures:
        picture = draw_picture(**spot._asdict(), seed=scenes.seed, size=scenes.size)
        _save_png(picture.pixels, root / "images" / f"{spot.stem}.png")
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
    labels = [
        (number, *VOCABULARY[concept - 1], int(frequency[concept]), f"{coverage[concept]:.6f}")
        for number, concept in enumerate(order.tolist(), start=1)
    ]
    _save_tables(root, labels)
    drawn = zip(pictures, sheets, strict=True)
    rows = [_save_maps(root, spot, numbers[sheet]) for spot, sheet in drawn]
    _save_csv(root / "index.csv", f"image,split,ih,iw,sh,sw,{','.join(CATEGORIES)}", rows)


def _save_tables(root: Path, labels: list[tuple[int, str, str, int, str]]) -> None:
    """Write label.csv, category.csv and every c_<category>.csv.

    labels: number, category, name, number of pictures, and the sum of its shares of them.
    """
    lines = [
        (n, name, f"{kind}({count})", count, share, "") for n, kind, name, count, share in labels
    ]
    _save_csv(root / "label.csv", "number,name,category,frequency,coverage,syns", lines)
    summaries = []
    for category in CATEGORIES:
        members = [(label[0], *label[2:]) for label in labels if label[1] == category]
        if members:
            numbers, _, counts, _ = zip(*members, strict=True)
            summaries.append((category, numbers[0], numbers[-1], len(members), sum(counts)))
            codes = [(code, *member) for code, member in enumerate(members, start=1)]
            _save_csv(root / f"c_{category}.csv", "code,number,name,frequency,coverage", codes)
    _save_csv(root / "category.csv", "name,first,last,count,frequency", summaries)


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
            channels = np.stack((plane % 256, plane // 256, np.zeros_like(plane)), axis=-1)
            _save_png(channels.astype(np.uint8), root / "images" / entry)
            entries[category].append(entry)
    whole, half = str(2 * planes.shape[1]), str(planes.shape[1])
    joined = [";".join(entries[category]) for category in CATEGORIES]
    return [f"{spot.stem}.png", spot.split, whole, whole, half, half, *joined]


def _save_png(pixels: UInt8[np.ndarray, "height width 3"], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, compress_level=1)  # five times as fast, a tenth larger


def _save_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows([header.split(","), *rows])
