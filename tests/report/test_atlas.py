import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import Centring
from prunescope.dissection.upsample import masks_above
from prunescope.report.atlas import draw_atlas, draw_example, draw_mask
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import LevelKey
from prunescope.results.opened import open_layer

WHITE = Image.new("RGB", (64, 32), "white")


LEVEL = LevelKey(replicate=0, strategy="rewind", level=3)


@pytest.fixture
def layer(dissection: Path) -> LayerDissection:
    return open_layer(dissection)


def test_the_best_units_come_first_and_the_dead_never(
    layer: LayerDissection, photographs: ConceptSet, tmp_path: Path
) -> None:
    units = draw_atlas(layer, LEVEL, photographs, tmp_path, units=8, images=2)
    assert [unit.unit for unit in units] == [1, 0, 3]
    assert [unit.interpretable for unit in units] == [True, True, False]
    assert [unit.concept for unit in units] == ["red-c", "cat & dog", "cat & dog"]
    assert [example.image for example in units[0].examples] == ["<b>.png", "c.png"]


def test_only_as_many_as_asked_for_are_drawn(
    layer: LayerDissection, photographs: ConceptSet, tmp_path: Path
) -> None:
    [unit] = draw_atlas(layer, LEVEL, photographs, tmp_path, units=1, images=2)
    drawn = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg"))
    assert drawn == [example.path for example in unit.examples]
    assert drawn[0] == "assets/replicate-0/rewind/level-03/layer4/unit-0001-0.jpg"


def test_equal_dissections_give_equal_bytes(
    layer: LayerDissection, photographs: ConceptSet, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        draw_atlas(layer, LEVEL, photographs, tmp_path / name, units=2, images=2)
    first, second = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.jpg"))]
        for name in ("first", "second")
    )
    assert first == second
    assert len(first) == 4


def test_a_picture_is_bright_inside_the_mask_and_dim_outside() -> None:
    picture = draw_example(WHITE, np.array([[1.0, 0.0]], np.float32), 0.5)
    assert picture.size == (168, 84)
    pixels = np.asarray(picture)
    assert (pixels[:, :80] == 255).all()
    assert (pixels[:, 88:] < 128).all()


def test_the_contour_runs_where_the_map_crosses_the_threshold() -> None:
    """Between the cells' centres at 1/4 and 3/4 of the width the map falls from 1 to 0."""
    for threshold, crossing in ((0.5, 84), (0.25, 105), (0.75, 63)):
        picture = draw_example(WHITE, np.array([[1.0, 0.0]], np.float32), threshold)
        blue_channel = np.asarray(picture)[42, :, 2].astype(int)
        yellow = np.asarray(picture)[42, :, 0] - blue_channel
        assert yellow.argmax() in range(crossing - 2, crossing + 1)


def test_the_atlas_shows_the_masks_of_its_convention(
    dissection: Path, photographs: ConceptSet, tmp_path: Path
) -> None:
    """netdissect's centres lie half a pixel on, so its contour lies behind the 252nd of 504."""
    folders = [Path(shutil.copytree(dissection, tmp_path / name)) for name in ("a", "b")]
    units = pd.read_parquet(dissection / "units.parquet").assign(threshold=0.499)
    pictures = []
    for folder, convention in zip(folders, ("exact", "netdissect"), strict=True):
        units.to_parquet(folder / "units.parquet")
        (folder / "summary.json").write_text(json.dumps({"convention": convention}))
        [unit] = draw_atlas(open_layer(folder), LEVEL, photographs, folder, units=1, images=1)
        pictures.append(np.asarray(Image.open(folder / unit.examples[0].path)).astype(int))
    differing = np.abs(pictures[0] - pictures[1]).max(axis=(0, 2)).nonzero()[0]
    assert len(differing)
    assert abs(differing - 84).max() <= 16  # the contour, and the blocks of JPEG beside it


def test_images_are_found_by_name_in_a_set_that_has_others_beside_them(
    layer: LayerDissection, photographs: ConceptSet, tmp_path: Path
) -> None:
    more = type(photographs)(images=("other.png", *photographs.images))
    units = draw_atlas(layer, LEVEL, more, tmp_path, units=8, images=3)
    pixel = Image.open(tmp_path / units[0].examples[0].path).getpixel((4, 4))
    assert units[0].examples[0].image == "<b>.png"
    assert abs(pixel[0] - (60 * 2 + 90)) < 8  # the third of that set


def test_a_map_that_never_exceeds_the_threshold_lights_nothing() -> None:
    pixels = np.asarray(draw_example(WHITE, np.full((7, 7), 0.5, np.float32), 0.5))
    assert (pixels < 128).all()


def test_a_map_above_the_threshold_everywhere_has_no_contour() -> None:
    pixels = np.asarray(draw_example(WHITE, np.ones((7, 7), np.float32), 0.5))
    assert (pixels == 255).all()


def test_tall_pictures_keep_their_shape() -> None:
    tall = Image.new("RGB", (10, 20), "white")
    assert draw_example(tall, np.ones((2, 2), np.float32), 0.5).size == (84, 168)


def test_a_concept_set_that_changed_since_is_refused(
    layer: LayerDissection, photographs: ConceptSet, tmp_path: Path
) -> None:
    changed = type(photographs)(images=("c.png", "a.png"))
    with pytest.raises(DataError, match="has no image"):
        draw_atlas(layer, LEVEL, changed, tmp_path, units=8, images=3)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    centring=st.sampled_from(["half-pixel", "nominal"]),
    steps=st.sampled_from([0, 2, 8]),
)
def test_a_mask_has_the_pixels_that_are_counted(
    seed: int, shape: tuple[int, int], centring: Centring, steps: int
) -> None:
    """Also where the excess over the threshold crosses 0 amid a pixel, as between rounded cells."""
    source = np.random.default_rng(seed)
    cells = source.normal(size=source.integers(1, 15, 2)).astype(np.float32)
    cells = np.round(cells * steps) / np.float32(steps) if steps else cells
    threshold = float(source.choice([0.1, 0.25, float(cells.flat[0])]))
    thresholds = torch.tensor([threshold], dtype=torch.float64)
    counted = masks_above(torch.tensor(cells)[None], thresholds, shape, centring)[0]
    assert np.array_equal(draw_mask(cells, threshold, shape, centring), counted.numpy())
