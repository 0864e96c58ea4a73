"""What is a dissection, computed the slow and plain way, from the written method alone?

One loop per idea: units, images, labels. It shares no code with the package, its reader of Broden
folders included, so that a fault of the package does not hide behind the same fault here.
"""

import csv
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """What one image is labelled with: maps of label numbers, and numbers that fill the map."""

    path: str
    height: int
    width: int
    planes: list[np.ndarray]
    whole: list[int]


@dataclass(frozen=True, kw_only=True)
class World:
    """A concept set; `primary` gives the primary category of every label number."""

    categories: list[str]
    names: dict[int, str]
    primary: dict[int, str]
    images: list[LabelledImage]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The result. Columns of labels run by ascending number, those of categories in their order.

    thresholds: float64 [unit]
    intersection: int64 [unit, label]; activation: int64 [unit, category]; truth: int64 [label]
    iou: float64 [unit, label], nan for a dead unit
    best_label: label number per unit, None without a concept
    best_iou: float64 [unit], nan for a dead unit
    dead, interpretable: bool [unit]
    """

    labels: list[int]
    thresholds: np.ndarray
    intersection: np.ndarray
    activation: np.ndarray
    truth: np.ndarray
    iou: np.ndarray
    best_label: list[int | None]
    best_iou: np.ndarray
    dead: np.ndarray
    interpretable: np.ndarray


def read_broden(root: Path, *, split: str | None = None, limit: int | None = None) -> World:
    """Read a folder in Broden's layout, everything into memory."""
    index = _read_csv(root / "index.csv")
    columns = list(index[0])
    categories = [row["name"] for row in _read_csv(root / "category.csv") if row["name"] in columns]
    primary: dict[int, str] = {}
    largest: dict[int, float] = {}
    for category in categories:
        for row in _read_csv(root / f"c_{category}.csv"):
            number, coverage = int(row["number"]), float(row["coverage"])
            if number != 0 and (number not in largest or coverage >= largest[number]):
                largest[number] = coverage
                primary[number] = category
    names = {int(row["number"]): row["name"] for row in _read_csv(root / "label.csv")}
    images = []
    for row in index:
        if split is not None and row["split"] != split:
            continue
        entries = [entry for category in categories for entry in row[category].split(";")]
        entries = [entry for entry in entries if entry not in ("", "0")]
        if entries:
            images.append(_read_labels(root, row, entries))
        if limit is not None and len(images) == limit:
            break
    return World(categories=categories, names=names, primary=primary, images=images)


def dissect(
    activations: np.ndarray,
    world: World,
    *,
    quantile: float = 0.005,
    iou_threshold: float = 0.05,
    convention: str = "exact",
) -> Tally:
    """Dissect saved activations, float32 [image, unit, height, width].

    convention: exact, netdissect, lite or quick, of whose rules all but those of the input, the
    images and the categories are followed.
    """
    labels = sorted(world.primary)
    units = activations.shape[1]
    thresholds = np.array(
        [_threshold(activations[:, unit], quantile, convention) for unit in range(units)]
    )
    intersection = np.zeros((units, len(labels)), np.int64)
    activation = np.zeros((units, len(world.categories)), np.int64)
    truth = np.zeros(len(labels), np.int64)
    for image, maps in zip(world.images, activations, strict=True):
        times = _times_each_label(image)  # how many planes say so, pixel by pixel
        carried = {number: count > 0 for number, count in times.items()}
        for number in carried:
            twice = convention in ("netdissect", "lite", "quick")
            truth[labels.index(number)] += (times if twice else carried)[number].sum()
        for unit in range(units):
            mask = _mask(maps[unit], thresholds[unit], image.height, image.width, convention)
            if not mask.any():
                continue
            for number in carried:
                twice = convention in ("netdissect", "lite")
                pixels = (times if twice else carried)[number]
                intersection[unit, labels.index(number)] += pixels[mask].sum()
            for category in world.categories:
                own = [n for n in carried if world.primary[n] == category]
                if convention == "lite":
                    own = [n for n in own if (carried[n] & mask).any()]
                if own:
                    activation[unit, world.categories.index(category)] += mask.sum()
    return _scores(world, labels, thresholds, intersection, activation, truth, iou_threshold)


def _threshold(values: np.ndarray, quantile: float, convention: str) -> float:
    """Return the (K+1)-th largest of all cells, K = floor(q n), or a quantile between two cells.

    The 2017 tool has 1,000 quantiles, evenly spaced from the smallest cell to the largest, and
    reads that of index int(1000 (1 - q) - 1).
    """
    share = Fraction(str(quantile))
    ascending = sorted(values.ravel().tolist())
    if convention == "exact":
        above = math.floor(share * values.size)
        assert above > 0, "too few cells"
        return float(ascending[-1 - above])
    among_a_thousand = Fraction(int(1000 * (1 - share) - 1), 999)
    position = 1 - share if convention == "quick" else among_a_thousand
    place = position * (len(ascending) - 1)
    lower = int(place)
    between = [Fraction(value) for value in ascending[lower : lower + 2]]
    return float(between[0] + (place - lower) * (between[1] - between[0]))


def _mask(
    cells: np.ndarray, threshold: float, height: int, width: int, convention: str
) -> np.ndarray:
    if float(cells.max()) <= threshold:  # interpolation cannot exceed the largest cell
        return np.zeros((height, width), bool)
    if convention == "netdissect":
        return _upsample_nominally(cells.astype(np.float64), height, width) > threshold
    upsampled = torch.nn.functional.interpolate(
        torch.from_numpy(cells.astype(np.float64))[None, None],
        size=(height, width),
        mode="bilinear",
        align_corners=False,
    )
    return upsampled[0, 0].numpy() > threshold


def _upsample_nominally(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolate linearly along one axis and then the other; a pixel beyond the centres clamps.

    The centres of n cells on m pixels are (m/n) (i + 1/2), as 8 + 16 i for 14 cells on 224.
    """
    down = (np.arange(cells.shape[0]) + 0.5) * height / cells.shape[0]
    across = (np.arange(cells.shape[1]) + 0.5) * width / cells.shape[1]
    tall = np.array([np.interp(np.arange(height), down, column) for column in cells.T]).T
    return np.array([np.interp(np.arange(width), across, row) for row in tall])


def _times_each_label(image: LabelledImage) -> dict[int, np.ndarray]:
    """Return how often each pixel has each label: in a plane, or given for the whole image."""
    planes = [*image.planes]
    planes += [np.full((image.height, image.width), number) for number in image.whole]
    times: dict[int, np.ndarray] = {}
    for plane in planes:
        for number in np.unique(plane).tolist():
            if number != 0:
                never = np.zeros(plane.shape, np.int64)
                times[number] = times.get(number, never) + (plane == number)
    return times


def _scores(
    world: World,
    labels: list[int],
    thresholds: np.ndarray,
    intersection: np.ndarray,
    activation: np.ndarray,
    truth: np.ndarray,
    iou_threshold: float,
) -> Tally:
    units = len(thresholds)
    dead = np.array([not activation[unit].any() for unit in range(units)])
    iou = np.full((units, len(labels)), np.nan)
    best_label: list[int | None] = [None] * units
    best_iou = np.full(units, np.nan)
    for unit in range(units):
        if dead[unit]:
            continue
        best_iou[unit] = 0.0
        for column, number in enumerate(labels):
            both = int(intersection[unit, column])
            fired = int(activation[unit, world.categories.index(world.primary[number])])
            either = fired + int(truth[column]) - both
            iou[unit, column] = both / either if either else 0.0
            if iou[unit, column] > best_iou[unit]:  # strictly: of equals, the lower number stays
                best_iou[unit], best_label[unit] = iou[unit, column], number
    return Tally(
        labels=labels,
        thresholds=thresholds,
        intersection=intersection,
        activation=activation,
        truth=truth,
        iou=iou,
        best_label=best_label,
        best_iou=best_iou,
        dead=dead,
        interpretable=np.array([score > iou_threshold for score in best_iou]),
    )


def _read_labels(root: Path, row: dict[str, str], entries: list[str]) -> LabelledImage:
    height, width = int(row["sh"]), int(row["sw"])
    planes: list[np.ndarray] = []
    whole: list[int] = []
    for entry in entries:
        if entry.isdigit():
            whole.append(int(entry))
            continue
        with Image.open(root / "images" / entry) as picture:
            channels = np.array(picture.convert("RGB")).astype(np.int64)
        assert channels.shape[:2] == (height, width), f"{entry} is not {height} x {width}"
        planes.append(channels[:, :, 0] + 256 * channels[:, :, 1])
    return LabelledImage(path=row["image"], height=height, width=width, planes=planes, whole=whole)


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
