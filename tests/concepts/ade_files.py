"""Which small folders of ADE20K do the tests read?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from concepts.worlds import photograph

CAR, PERSON, DOOR = 401, 1831, 774
NAMES = {
    CAR: "car, auto, automobile, machine, motorcar",
    PERSON: "person, individual, someone",
    DOOR: "door",
}
SEGMENTS = [[CAR, CAR, CAR, 0], [CAR, CAR, CAR, 0], [PERSON, 0, 0, 0]]
PARTS = [[0, DOOR, 0, 0], [0, DOOR, 0, 0], [0, 0, 0, 0]]
TABLE = "Idx\tRatio\tName\n1\t0.2\twall\n2 \t0.1\tbuilding, edifice \n150\t0.0\tflag\n"


def encoded(classes: object) -> Image.Image:
    """Write classes as ADE20K does; the blue, instances, is noise."""
    values = np.asarray(classes)
    noise = np.random.default_rng(0).integers(0, 256, values.shape)
    channels = np.stack([values // 256 * 10, values % 256, noise], axis=-1)
    return Image.fromarray(channels.astype(np.uint8))


def listed(*objects: tuple[int, int]) -> dict[str, Any]:
    """Return a JSON file of objects, each with its class and its level of parts."""
    return {
        "annotation": {
            "object": [
                {"id": n, "name": NAMES[index], "name_ndx": index, "parts": {"part_level": level}}
                for n, (index, level) in enumerate(objects)
            ]
        }
    }


def write_full(root: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """Write a folder of the full data set, of two images; None leaves a file out."""
    street = "images/ADE/training/urban/street/ADE_train_1"
    park = "images/ADE/validation/park/ADE_val_2"
    files: dict[str, Any] = {
        f"{street}.jpg": photograph(3, 4),
        f"{street}_seg.png": encoded(SEGMENTS),
        f"{street}_parts_1.png": encoded(PARTS),
        f"{street}.json": listed((CAR, 0), (PERSON, 0), (DOOR, 1)),
        f"{street}/instance_000_ADE_train_1.png": photograph(3, 4),
        f"{park}.jpg": photograph(3, 4),
        f"{park}_seg.png": encoded([[PERSON] * 4] * 3),
        f"{park}.json": listed((PERSON, 0)),
        **(changes or {}),
    }
    _write(root, files)
    return root


def write_parsing(root: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """Write a folder of the Scene Parsing Benchmark, of two images."""
    indices = np.array([[1, 1, 2, 0], [1, 1, 2, 0], [0, 0, 150, 150]], np.uint8)
    files: dict[str, Any] = {
        "objectInfo150.txt": TABLE,
        "images/training/ADE_train_1.jpg": photograph(3, 4),
        "annotations/training/ADE_train_1.png": Image.fromarray(indices),
        "images/validation/ADE_val_1.jpg": photograph(3, 4),
        "annotations/validation/ADE_val_1.png": Image.fromarray(indices.T.copy().reshape(3, 4)),
        "images/testing/ADE_test_1.jpg": photograph(3, 4),
        **(changes or {}),
    }
    _write(root, files)
    return root


def _write(root: Path, files: Mapping[str, Any]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, Image.Image):
            content.save(path)
        elif content is not None:
            path.write_text(json.dumps(content))
