"""Which dissected layers can be written by hand? Of the labels red, blue, cat and dog."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.concepts.protocol import Label
from prunescope.dissection.scores import score_units
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import LevelKey
from prunescope.results.overlap import Overlap
from prunescope.results.units import count_units

CATEGORIES = ("color", "object")
LABELS = tuple(
    Label(number=index + 1, name=name, category=category)
    for index, (name, category) in enumerate(
        [("red", "color"), ("blue", "color"), ("cat", "object"), ("dog", "object")]
    )
)
Unit = dict[str, int]
IMAGES = 10


def make_layer(
    *units: Unit,
    name: str = "layer4",
    fingerprint: str = "5" * 64,
    categories: tuple[str, ...] | None = None,
    **conditions: Any,
) -> LayerDissection:
    """Return a dissected layer.

    units: the pixels each shares with the labels, out of 1,000 of its masks and 1,000 of each
    label: 200 are an IoU of 1/9, 100 of 1/19, 96 of 0.0504 and 95 of 0.0499. A unit without any
    never fires. Masks and labels are spread evenly over ten images, what they share is not.
    conditions: what its summary says instead.
    """
    overlap = _overlap(units)
    table = score_units(overlap, iou=0.05, categories=categories)
    summary = {
        **count_units(table, categories or CATEGORIES),
        "layer": name,
        "images": IMAGES,
        "concept_set": {"name": "tiny", "fingerprint": fingerprint},
        "input": {"resolution": 32, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]},
        "settings": {"quantile": 0.005, "precision": "float32", "iou": 0.05},
    }
    return LayerDissection(
        layer=name,
        units=table,
        overlap=overlap,
        examples=pd.DataFrame({"unit": range(len(units))}),
        images=_images(overlap),
        summary=summary | conditions,
    )


def _images(overlap: Overlap) -> pd.DataFrame:
    fires = np.flatnonzero(overlap.activation.any(axis=1))
    return pd.DataFrame(
        [
            {
                **{"image": f"{image}.png", "row": image, "pixels": 400},
                "labels": overlap.label_numbers.astype(np.int32),
                "truth": np.full(len(LABELS), 100, np.int32),
                "units": fires.astype(np.int32),
                "activation": np.full(len(fires), 100, np.int32),
                "intersection": np.array(
                    [
                        _part(int(overlap.intersection[unit, label]), image, unit + label)
                        for unit in fires.tolist()
                        for label in range(len(LABELS))
                    ],
                    np.int32,
                ),
            }
            for image in range(IMAGES)
        ]
    )


def _part(pixels: int, image: int, first: int) -> int:
    """Return the pixels on an image: they rise from the first on, which has a tenth of the last."""
    share = np.cumsum([(index - first) % IMAGES + 1 for index in range(IMAGES)])
    ends = np.rint(pixels * share / share[-1]).astype(int)
    return int(ends[image] - (ends[image - 1] if image else 0))


def _overlap(units: tuple[Unit, ...]) -> Overlap:
    shared = [[unit.get(label.name, 0) for label in LABELS] for unit in units]
    fires = [[1000 * bool(unit)] * len(CATEGORIES) for unit in units]
    return Overlap(
        thresholds=np.zeros(len(units)),
        intersection=np.array(shared, np.int64).reshape(len(units), len(LABELS)),
        activation=np.array(fires, np.int64).reshape(len(units), len(CATEGORIES)),
        truth=np.full(len(LABELS), 1000),
        label_numbers=np.array([label.number for label in LABELS]),
        category_of=np.array([CATEGORIES.index(label.category) for label in LABELS]),
        categories=CATEGORIES,
        label_names=tuple(label.name for label in LABELS),
    )


def save_run(out: Path, levels: Mapping[tuple[int, str, int], Sequence[LayerDissection]]) -> Path:
    """Write what `compare` and `summary` read of a run whose levels have these layers.

    levels: by replicate, strategy and level. Level n keeps 0.8^n of the weights, at an accuracy of
    0.9 less a point for each replicate.
    """
    records = []
    for (replicate, strategy, level), layers in levels.items():
        folder = out / LevelKey(replicate=replicate, strategy=strategy, level=level).path
        for layer in layers:
            layer.save(folder / "dissection" / layer.layer)
        facts = {"keep": 0.8**level, "top1": 0.9 - 0.01 * replicate}
        place = {"replicate": replicate, "strategy": strategy, "level": level}
        (folder / "metrics.json").write_text(json.dumps(place | facts))
        records.append(
            LevelRecord(
                replicate=replicate,
                strategy=strategy,
                level=level,
                keep=facts["keep"],
                keep_overall=facts["keep"],
                accuracy=facts["top1"],
                units={layer.layer: layer.units for layer in layers},
            )
        )
    write_tables(records, out / "tables")
    (out / "study.yaml").write_text("name: tiny\n")
    return out
