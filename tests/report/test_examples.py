from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import Centring
from prunescope.dissection.upsample import masks_above
from prunescope.report.examples import draw_example, draw_mask, draw_saved

WHITE = Image.new("RGB", (64, 32), "white")


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


def test_the_convention_says_where_the_contour_runs() -> None:
    """netdissect's centres lie half a pixel on, so its contour lies behind the 252nd of 504."""
    activation = np.array([[1.0, 0.0]], np.float32)
    pictures = [
        np.asarray(draw_example(WHITE, activation, 0.499, centring)).astype(int)
        for centring in ("half-pixel", "nominal")
    ]
    differing = np.abs(pictures[0] - pictures[1]).max(axis=(0, 2)).nonzero()[0]
    assert len(differing)
    assert abs(differing - 84).max() <= 3


def saved(image: str, row: int) -> dict[str, Any]:
    """Return a row of examples.parquet."""
    activation = np.ones(4, np.float32)
    return {"image": image, "row": row, "map": activation, "height": 2, "width": 2}


def test_images_are_found_by_name_in_a_set_that_has_others_beside_them(
    photographs: ConceptSet,
) -> None:
    more = type(photographs)(images=("other.png", *photographs.images))
    picture = draw_saved(saved("<b>.png", 1), 0.5, "half-pixel", more)
    assert picture.getpixel((4, 4))[0] == 60 * 2 + 90  # the third of that set


def test_a_map_that_never_exceeds_the_threshold_lights_nothing() -> None:
    pixels = np.asarray(draw_example(WHITE, np.full((7, 7), 0.5, np.float32), 0.5))
    assert (pixels < 128).all()


def test_a_map_above_the_threshold_everywhere_has_no_contour() -> None:
    pixels = np.asarray(draw_example(WHITE, np.ones((7, 7), np.float32), 0.5))
    assert (pixels == 255).all()


def test_tall_pictures_keep_their_shape() -> None:
    tall = Image.new("RGB", (10, 20), "white")
    assert draw_example(tall, np.ones((2, 2), np.float32), 0.5).size == (84, 168)


def test_a_concept_set_that_changed_since_is_refused(photographs: ConceptSet) -> None:
    changed = type(photographs)(images=("c.png", "a.png"))
    with pytest.raises(DataError, match="has no image"):
        draw_saved(saved("<b>.png", 1), 0.5, "half-pixel", changed)


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
