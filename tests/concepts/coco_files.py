"""Which small COCO files do the tests read? They are written with pycocotools' own encoder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from concepts.worlds import photograph

CATEGORIES = (
    {"id": 18, "name": "dog", "supercategory": "animal"},
    {"id": 3, "name": "car", "supercategory": "vehicle"},
    {"id": 90, "name": "grass", "supercategory": "plant", "isthing": 0},
)
CAR, DOG, GRASS = 1, 2, 3  # their labels, by ascending id
IMAGES = (
    {"id": 7, "file_name": "train/a.png", "height": 6, "width": 8},
    {"id": 2, "file_name": "val/b.png", "height": 6, "width": 8},
    {"id": 5, "file_name": "bare.png", "height": 6, "width": 8},
)


def marked(top: int, left: int, height: int, width: int) -> np.ndarray:
    """Return a mask of 6 x 8 with a rectangle in it."""
    mask = np.zeros((6, 8), np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def compressed(mask: np.ndarray) -> dict[str, Any]:
    """Encode a mask as pycocotools does."""
    from pycocotools import mask as tools

    encoded = tools.encode(np.asfortranarray(mask))
    return {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    """Encode a mask as the lengths of its runs, column by column, first of unmarked pixels."""
    counts, value, length = [], 0, 0
    for pixel in mask.ravel(order="F").tolist():
        if pixel != value:
            counts.append(length)
            value, length = pixel, 0
        length += 1
    return {"size": list(mask.shape), "counts": [*counts, length]}


def annotation(id_: int, image: int, category: int, shape: Any, **more: Any) -> dict[str, Any]:
    """Return an annotation as COCO writes it."""
    base = {"id": id_, "image_id": image, "category_id": category, "iscrowd": 0}
    return base | {"segmentation": shape} | more


def square(left: float, top: float, right: float, bottom: float) -> list[float]:
    """Return the polygon of a rectangle."""
    return [left, top, right, top, right, bottom, left, bottom]


def tiny() -> dict[str, Any]:
    """Return a file of two images with annotations and one without.

    In the first a dog of two polygons stands before a car, on grass; the second has crowds.
    """
    return {
        "info": {"description": "a \u00e9 tiny set"},
        "images": [dict(image) for image in IMAGES],
        "annotations": [
            annotation(11, 7, 3, [square(0, 0, 4, 3)], bbox=[0, 0, 4, 3]),
            annotation(12, 7, 18, [square(2, 1, 5, 3), square(6, 0, 7, 1)], bbox=[2, 0, 5, 3]),
            annotation(13, 7, 90, compressed(marked(4, 0, 2, 8)), bbox=[0, 4, 8, 2]),
            annotation(14, 2, 18, uncompressed(marked(0, 0, 6, 2)), iscrowd=1, bbox=[0, 0, 2, 6]),
            annotation(15, 2, 18, [square(1, 0, 3, 6)], bbox=[1, 0, 2, 6]),
        ],
        "categories": [dict(category) for category in CATEGORIES],
    }


def write_coco(
    root: Path,
    content: Mapping[str, Any] | None = None,
    *,
    file: str = "labels.json",
    images: Sequence[str] = ("train/a.png", "val/b.png", "bare.png"),
) -> Path:
    """Write a file and its pictures, of 6 x 8, into `images` beside it; return its path."""
    for name in images:
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photograph())
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tiny() if content is None else content))
    return path


def panoptic() -> dict[str, Any]:
    """Return a panoptic file of one image: two cars, and grass."""
    segments = [
        {"id": 70_000, "category_id": 3, "iscrowd": 0},
        {"id": 300, "category_id": 3, "iscrowd": 0},
        {"id": 5, "category_id": 90, "iscrowd": 0},
    ]
    return {
        "images": [IMAGES[0]],
        "annotations": [{"image_id": 7, "file_name": "a.png", "segments_info": segments}],
        "categories": [dict(category) for category in CATEGORIES],
    }


def segments() -> np.ndarray:
    """Return the map of ids that belongs to it; the last row is void."""
    ids = np.full((6, 8), 5)
    ids[0, :2], ids[0, 2:4], ids[5] = 70_000, 300, 0
    return ids


def write_segments(path: Path, ids: np.ndarray) -> None:
    """Write ids as panopticapi does: red + 256 green + 65,536 blue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = np.stack([ids % 256, ids // 256 % 256, ids // 65_536], axis=-1)
    Image.fromarray(channels.astype(np.uint8)).save(path)
