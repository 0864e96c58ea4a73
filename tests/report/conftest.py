"""A small study's levels, its dissections and its photographs, made by hand."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from prunescope.concepts.protocol import Annotation, Label
from prunescope.results.layout import LevelKey

LAYERS = ("layer4", "layer3")


@pytest.fixture(scope="session")
def levels() -> pd.DataFrame:
    """Two replicates of levels 0 to 2 in two layers; the last level has nothing left to compare."""
    rows = [
        {
            "replicate": replicate,
            "strategy": "rewind" if level else "dense",
            "level": level,
            "keep": 0.64**level,
            "keep_overall": 0.7**level,
            "accuracy": 0.9 - 0.008 * level**2 - 0.002 * replicate,
            "layer": layer,
            "units": 4,
            "interpretable": 3 - level,
            "concepts": 2 if level == 0 else 3 - level,
            "dead": level,
            "still_interpretable": (1.0, 1 / 3, 0.0)[level],
            "still_interpretable_count": (3, 1, 0)[level],
            "same_concept": (1.0, 1.0, float("nan"))[level],
            "same_concept_count": (3, 1, 0)[level],
            "color_units": 2 - level,
            "color_concepts": 1 if level < 2 else 0,
            "object_units": 1,
            "object_concepts": 1,
            "scene_units": 0,
            "scene_concepts": 0,
        }
        for replicate in (0, 1)
        for level in (0, 1, 2)
        for layer in LAYERS
    ]
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Photographs:
    """Three plain pictures."""

    name: str = "plain"
    categories: tuple[str, ...] = ("color", "object", "scene")
    labels: tuple[Label, ...] = ()
    images: tuple[str, ...] = ("a.png", "<b>.png", "c.png")
    fingerprint: str = "0" * 64

    def image_path(self, index: int) -> Path:
        return Path(self.images[index])

    def read_image(self, index: int) -> Image.Image:
        return Image.new("RGB", (32, 24), (60 * index + 90, 120, 150))

    def read_annotation(self, index: int) -> Annotation:
        return Annotation(planes=np.zeros((0, 12, 16), np.int32), whole=())


@pytest.fixture(scope="session")
def photographs() -> Photographs:
    return Photographs()


@pytest.fixture(scope="session")
def dissection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer's folder: units 0 to 3 with IoUs 0.2, 0.3, none, 0.02; three examples each."""
    folder = tmp_path_factory.mktemp("dissection") / "layer4"
    folder.mkdir()
    pd.DataFrame(
        {
            "unit": range(4),
            "concept": ["cat & dog", "red-c", None, "cat & dog"],
            "category": ["object", "color", None, "object"],
            "label": pd.array([1, 2, None, 1], "Int64"),
            "iou": [0.2, 0.3, float("nan"), 0.02],
            "threshold": 0.5,
            "interpretable": [True, True, False, False],
            "dead": [False, False, True, False],
        }
    ).to_parquet(folder / "units.parquet")
    pd.DataFrame(
        [
            {
                "unit": unit,
                "rank": rank,
                "image": Photographs().images[(unit + rank) % 3],
                "row": (unit + rank) % 3,
                "peak": 1.0,
                "map": np.array([1, 0, 1, 0], np.float32),
                "height": 2,
                "width": 2,
            }
            for unit in range(4)
            for rank in range(3)
        ]
    ).to_parquet(folder / "examples.parquet")
    (folder / "summary.json").write_text('{"convention": "exact"}')
    return folder


@pytest.fixture(scope="session")
def dissected(dissection: Path, levels: pd.DataFrame) -> dict[LevelKey, list[Path]]:
    """Every level of the study: all layers have the same dissection."""
    for name in LAYERS[1:]:
        shutil.copytree(dissection, dissection.with_name(name))
    folders = [dissection.with_name(name) for name in LAYERS]
    rows = levels[["replicate", "strategy", "level"]].drop_duplicates().to_dict("records")
    return {LevelKey(**row): folders for row in rows}
