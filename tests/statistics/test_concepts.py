"""Does every draw give the concepts that counting its images anew gives?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from counted import CATEGORIES, PRIMARY, make_counted_layer, random_images
from oracle import resampling as oracle
from prunescope.base.errors import DataError
from prunescope.results.dissection import LayerDissection
from prunescope.statistics import concepts
from prunescope.statistics.bootstrap import draw_images, strata_of
from prunescope.statistics.by_image import counts_by_image
from prunescope.statistics.concepts import NO_CONCEPT, concepts_in_draws
from prunescope.statistics.settings import ResamplingSettings

FAVOURITE = {0: 2, 1: 5, 2: 11, 3: 8}


def found_and_expected(
    layer: LayerDissection,
    images: list[oracle.Image],
    *,
    iou: float,
    draws: int = 12,
    categories: tuple[str, ...] = CATEGORIES,
    inside: bool = False,
) -> tuple[np.ndarray, list[list[int | None]]]:
    """Return the label numbers of every unit and draw, ours (-1 for none) and the oracle's."""
    counts = counts_by_image(layer)
    weights = draw_images(strata_of(counts.carries), ResamplingSettings(draws=draws, seed=3))
    allowed = layer.overlap.allowed(categories)
    columns = concepts_in_draws(counts, weights, iou=iou, allowed=allowed)
    numbers = np.append(layer.overlap.label_numbers, NO_CONCEPT)[columns]
    units = len(layer.units)
    expected = [
        oracle.concepts(images, units, PRIMARY, drawn, iou, set(categories), inside)
        for drawn in weights.T
    ]
    return numbers, expected


def as_array(expected: list[list[int | None]]) -> np.ndarray:
    plain = [[NO_CONCEPT if label is None else label for label in found] for found in expected]
    return np.array(plain).T


@pytest.mark.parametrize("iou", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_agrees(seed: int, iou: float) -> None:
    images = random_images(seed, favourite=FAVOURITE)
    found, expected = found_and_expected(make_counted_layer(images, 6), images, iou=iou)
    assert (found == as_array(expected)).all()
    assert (found == NO_CONCEPT).any() or iou == 0
    assert len(np.unique(found)) > 3


def test_the_oracle_agrees_where_A_counts_only_what_lies_inside() -> None:
    images = random_images(5, favourite=FAVOURITE)
    layer = make_counted_layer(images, 6, convention="lite")
    found, expected = found_and_expected(layer, images, iou=0.1, inside=True)
    assert (found == as_array(expected)).all()


def test_only_labels_of_the_chosen_categories_are_concepts() -> None:
    images = random_images(4, favourite=FAVOURITE)
    layer = make_counted_layer(images, 6, categories=("object",))
    found, expected = found_and_expected(layer, images, iou=0.02, categories=("object",))
    assert (found == as_array(expected)).all()
    assert {PRIMARY[label] for label in np.unique(found[found >= 0]).tolist()} == {"object"}


def test_blocks_of_draws_and_pairs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make_counted_layer(random_images(6, favourite=FAVOURITE), 6)
    counts, allowed = counts_by_image(layer), np.ones(len(PRIMARY), bool)
    weights = draw_images(strata_of(counts.carries), ResamplingSettings(draws=23))
    whole = concepts_in_draws(counts, weights, iou=0.05, allowed=allowed)
    for name, value in (("_AT_ONCE", 10), ("_BLOCK", 4), ("_CELLS", 5), ("_EXACT", 0)):
        monkeypatch.setattr(concepts, name, value)
    assert (concepts_in_draws(counts, weights, iou=0.05, allowed=allowed) == whole).all()


def test_counts_that_only_together_exceed_float32_are_added_up_exactly() -> None:
    most = 2**24
    images = [
        oracle.Image(truth={2: most}, activation={0: most - 1}, intersection={}),
        oracle.Image(truth={2: most, 5: most}, activation={0: most - 2}, intersection={}),
    ]
    counts, once = counts_by_image(make_counted_layer(images, 1)), np.ones((2, 1), np.uint16)
    with ThreadPoolExecutor(1) as threads:
        [block] = concepts._add_up(counts, once, once[:, 0], threads)
    assert block.activation[:, 0].tolist() == [2 * most - 3, most - 2, 0]


def test_every_image_once_is_the_dissection_itself() -> None:
    layer = make_counted_layer(random_images(7, favourite=FAVOURITE), 6)
    counts = counts_by_image(layer)
    once = np.ones((len(layer.images), 1), np.uint16)
    columns = concepts_in_draws(counts, once, iou=0.05, allowed=np.ones(len(PRIMARY), bool))[:, 0]
    found = [None if column < 0 else counts.overlap.label_numbers[column] for column in columns]
    above = layer.units["interpretable"]
    assert found == layer.units["label"].where(above).astype(object).where(above, None).tolist()
    assert any(number is not None for number in found)


def test_of_equal_labels_the_lower_number_is_taken() -> None:
    image = oracle.Image(
        truth={5: 40, 7: 40}, activation={0: 50}, intersection={(0, 5): 30, (0, 7): 30}
    )
    found, expected = found_and_expected(make_counted_layer([image] * 30, 1), [image] * 30, iou=0.1)
    assert (found == 5).all()
    assert (as_array(expected) == 5).all()


def test_a_layer_that_never_fires_has_no_concept() -> None:
    images = [oracle.Image(truth={5: 40}, activation={}, intersection={})] * 25
    found, _ = found_and_expected(make_counted_layer(images, 3), images, iou=0.0)
    assert found.shape == (3, 12)
    assert (found == NO_CONCEPT).all()


def test_no_draws_give_no_columns() -> None:
    layer = make_counted_layer(random_images(1), 6)
    found, _ = found_and_expected(layer, [], iou=0.05, draws=0)
    assert found.shape == (6, 0)


def test_units_have_the_numbers_that_are_left() -> None:
    images = random_images(8, favourite=FAVOURITE)
    layer = make_counted_layer(images, 6, numbers=[0, 2, 3, 7, 8, 40])
    found, expected = found_and_expected(layer, images, iou=0.05)
    assert (found == as_array(expected)).all()


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("truth", lambda values: values + 1),
        ("activation", lambda values: values[::-1] + np.arange(len(values))),
        ("intersection", lambda values: values + 1),
        ("units", lambda values: values + 100),
        ("labels", lambda values: values + 1),
        ("labels", lambda values: values[:-1]),
        ("intersection", lambda values: values[:-1]),
    ],
)
def test_images_of_another_dissection_are_refused(column: str, change: object) -> None:
    layer = make_counted_layer(random_images(9, favourite=FAVOURITE), 6)
    images = layer.images.assign(**{column: layer.images[column].map(change)})
    with pytest.raises(DataError, match=r"images\.parquet of layer4 does not add up"):
        found_and_expected(replace(layer, images=images), [], iou=0.05, draws=1)
