"""Which small data sets of Hugging Face do the tests read? `datasets` itself writes them."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Sequence, Value

from concepts.worlds import grey, photograph

NAMES = ["background", "car", "dog", "grass"]
VALUES = [[1, 1, 0, 255], [0, 2, 2, 0], [3, 3, 3, 3]]
SECOND = [[0, 0, 0, 0], [0, 0, 0, 0], [2, 2, 0, 0]]
CAR, DOG, GRASS = 1, 2, 3  # labels and values


def png(values: object, kind: type = np.uint8) -> bytes:
    """Return a map in grey as a PNG."""
    file = io.BytesIO()
    grey(values, kind).save(file, "png")
    return file.getvalue()


def cell(content: bytes | None) -> dict[str, Any] | None:
    """Return what a column of images takes."""
    return None if content is None else {"bytes": content, "path": None}


SHOWN = photograph(3, 4)


def with_maps(**changes: Any) -> Dataset:
    """Return two rows with a map each, and a column whose type names the values."""
    features = Features(
        {"image": Image(), "mask": Image(), "shown": Sequence(ClassLabel(names=NAMES))}
    )
    columns = {
        "image": [cell(SHOWN), cell(SHOWN)],
        "mask": [cell(png(VALUES)), cell(png(SECOND))],
        "shown": [[1, 2, 3], [2]],
    }
    return Dataset.from_dict(columns | changes, features=features)


def with_boxes(boxes: object = None, category: object = None, **changes: Any) -> Dataset:
    """Return a row with two boxes, as COCO-like sets of the Hub have them."""
    features = Features(
        {
            "image_id": Value("int64"),
            "image": Image(),
            "objects": Sequence(
                {
                    "id": Value("int64"),
                    "bbox": Sequence(Value("float32"), length=4),
                    "category": ClassLabel(names=NAMES[1:]),
                }
            ),
        }
    )
    boxes = [[0, 0, 2, 2], [1, 1, 3, 1]] if boxes is None else boxes
    category = [0, 1] if category is None else category
    objects = {"id": list(range(len(category))), "bbox": boxes, "category": category}
    columns = {"image_id": [7], "image": [cell(SHOWN)], "objects": [objects]}
    return Dataset.from_dict(columns | changes, features=features)


def with_objects(masks: list[bytes | None], category: list[int]) -> Dataset:
    """Return a row that lists objects, each with a mask and a class."""
    item = {"mask": Image(), "category": ClassLabel(names=NAMES[1:])}
    as_list = datasets.List(item) if hasattr(datasets, "List") else [item]
    features = Features({"image": Image(), "objects": as_list})
    objects = [
        {"mask": cell(mask), "category": number}
        for mask, number in zip(masks, category, strict=True)
    ]
    columns = {"image": [cell(SHOWN)], "objects": [objects]}
    return Dataset.from_dict(columns, features=features)


def with_classes(labels: list[Any]) -> Dataset:
    """Return rows with a class each."""
    features = Features({"image": Image(), "label": ClassLabel(names=NAMES[1:])})
    columns = {"image": [cell(SHOWN)] * len(labels), "label": labels}
    return Dataset.from_dict(columns, features=features)


def saved(tables: Dataset | Mapping[str, Dataset], root: Path) -> Path:
    """Write a data set as `save_to_disk` does."""
    whole = tables if isinstance(tables, Dataset) else DatasetDict(tables)
    whole.save_to_disk(str(root))
    return root


def as_parquet(tables: Mapping[str, Dataset], root: Path, group: int | None = None) -> Path:
    """Write a data set as the Hub stores it, in row groups of some rows."""
    (root / "data").mkdir(parents=True)
    for split, table in tables.items():
        table.to_parquet(str(root / f"data/{split}-00000-of-00001.parquet"), batch_size=group)
    return root
