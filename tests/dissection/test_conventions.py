"""Does each convention count as its tool does, where that differs from ours and where not?"""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from oracle import dissection as oracle
from painted import PaintedSet, Replay, world_of
from prunescope import dissect
from prunescope.base.errors import ConfigError
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.conventions import CONVENTIONS, ConventionName
from prunescope.dissection.settings import DissectionSettings
from prunescope.results.dissection import LayerDissection

AS_IT_IS = {"resolution": 2, "mean": (0.0,) * 3, "std": (1.0,) * 3, "axes": "NCHW"}
RED, GREEN, TOP = 3, 5, 9
LABELS = (
    Label(number=RED, name="red-c", category="color"),
    Label(number=GREEN, name="green-c", category="color"),
    Label(number=TOP, name="top", category="part"),
)
NAMES = tuple(CONVENTIONS)


def replay(activations: object, concepts: PaintedSet, **stated: object) -> LayerDissection:
    network = Replay(np.array(activations, np.float32))
    return dissect(network, "layer", concepts, **AS_IT_IS, examples=1, **stated).layers["layer"]


# --- one world, counted by hand ------------------------------------------------------------------


@pytest.fixture(scope="module")
def row_of_pixels() -> PaintedSet:
    """Five label maps of 1 x 8 pixels, of which the first two carry labels."""
    first = [[0, 0, 0, RED, RED, 0, 0, 0], [0, 0, 0, 0, RED, 0, 0, GREEN], [TOP] + 7 * [0]]
    second = [[RED, RED, 0, 0, 0, 0, 0, 0]]
    planes = [np.array(own, np.int32)[:, None] for own in (first, second)]
    annotations = [Annotation(planes=own, whole=()) for own in planes]
    nothing = Annotation(planes=np.zeros((0, 1, 8), np.int32), whole=())
    return world_of([*annotations, nothing, nothing, nothing], LABELS, ("color", "part"))


ROW_OF_CELLS = np.zeros((5, 1, 1, 4))
ROW_OF_CELLS[0, 0, 0] = [0, 0, 8, 8]
"""Of 20 cells two are 8. With pixel p halfway through a cell, p = 3 reads 0.25 * 8 = 2 and p = 4
reads 6; with the centres half a pixel further on, p = 3 reads 0 and p = 4 reads 4."""


@pytest.mark.parametrize(
    ("convention", "threshold", "intersection", "activation", "truth"),
    [
        # K = 2, so T is the third largest. The mask is pixels 3 to 7; label `top` is outside it,
        # but in the image, so that A of its category counts them.
        ("exact", 0, [2, 1, 0], [5, 5], [4, 1, 1]),
        # T at 899/999 of the way from the 1st to the 20th cell; the mask is pixels 4 to 7, and at
        # pixel 4 red is in two planes.
        ("netdissect", 8 * (899 / 999 * 19 - 17), [2, 1, 0], [4, 4], [5, 1, 1]),
        # The mask is pixels 3 to 7 again; `top` is not in it.
        ("lite", 8 * (899 / 999 * 19 - 17), [3, 1, 0], [5, 0], [5, 1, 1]),
        # T at 0.9 of the way. Pixel 4 counts once in I, twice in G.
        ("quick", 8 * (0.9 * 19 - 17), [2, 1, 0], [5, 5], [5, 1, 1]),
    ],
)
def test_the_counts_of_a_row_of_pixels_are_those_made_by_hand(
    row_of_pixels, convention, threshold, intersection, activation, truth
):
    layer = replay(ROW_OF_CELLS, row_of_pixels, convention=convention, quantile=0.1)
    counted = layer.overlap
    assert counted.thresholds.tolist() == pytest.approx([threshold])
    assert counted.intersection.tolist() == [intersection]
    assert counted.activation.tolist() == [activation]
    assert counted.truth.tolist() == truth
    assert layer.summary["convention"] == convention


@pytest.mark.parametrize(
    ("convention", "iou"),
    [("exact", 2 / 7), ("netdissect", 2 / 7), ("lite", 3 / 7), ("quick", 1 / 4)],
)
def test_a_unit_stands_for_a_concept_at_the_iou_of_its_convention(row_of_pixels, convention, iou):
    units = replay(ROW_OF_CELLS, row_of_pixels, convention=convention, quantile=0.1).units
    assert units["concept"].tolist() == ["red-c"]
    assert units["iou"].tolist() == [iou]


def test_a_unit_that_meets_no_label_has_no_area_in_lite_alone(row_of_pixels):
    cells = np.zeros((5, 1, 1, 4))
    cells[1, 0, 0, 3] = 8  # red is at the other end
    for convention in NAMES:
        units = replay(cells, row_of_pixels, convention=convention, quantile=0.1).units
        assert units["dead"].tolist() == [convention == "lite"]


def test_a_label_in_two_planes_everywhere_can_have_an_iou_of_two():
    """What follows of counting it twice in I and G and once in A: 2 A / (A + 2 A - 2 A)."""
    both = Annotation(planes=np.full((2, 1, 8), RED, np.int32), whole=())
    nothing = Annotation(planes=np.zeros((0, 1, 8), np.int32), whole=())
    concepts = world_of([both, nothing], LABELS, ("color", "part"))
    cells = [[[[8, 8, 8, 8]]], [[[0, 0, 0, 0]]]]
    for convention in ("netdissect", "lite"):
        layer = replay(cells, concepts, convention=convention, quantile=0.5)
        area = layer.overlap.activation[0, 0].item()
        assert layer.overlap.intersection[0, 0].item() == 2 * area > 0
        assert layer.units["iou"].tolist() == [2 * area / (area + 16 - 2 * area)]


# --- quantiles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("convention", "cells", "threshold"),
    [
        # Of the cells 0, 1, 2, ... a quantile at p lies at p (n - 1).
        ("exact", 2000, 1989),
        ("netdissect", 2000, 994 / 999 * 1999),
        ("lite", 2000, 994 / 999 * 1999),
        ("quick", 2000, 0.995 * 1999),
        # Of 1,000 cells the 995th smallest of a thousand quantiles is a cell, and so is (K+1)-th.
        ("exact", 1000, 994),
        ("netdissect", 1000, 994),
        ("quick", 1000, 0.995 * 999),
    ],
)
def test_a_threshold_lies_where_the_tool_reads_its_quantile(convention, cells, threshold):
    cut = CONVENTIONS[convention].cut(0.005, cells, "the maps")
    assert cut.cells == cells
    assert cells - 1 - cut.above + cut.toward_next == pytest.approx(threshold, abs=1e-9)
    assert 0 <= cut.toward_next < 1


@given(
    convention=st.sampled_from([name for name in NAMES if name != "exact"]),
    thousandths=st.integers(1, 998),
    cells=st.integers(2, 5000),
)
def test_at_least_one_cell_can_lie_above_an_interpolated_threshold(convention, thousandths, cells):
    cut = CONVENTIONS[convention].cut(thousandths / 1000, cells, "the maps")
    assert 1 <= cut.above < cells
    assert 0 <= cut.toward_next < 1


def test_too_few_cells_are_refused_by_exact_alone():
    with pytest.raises(ConfigError, match="too few"):
        CONVENTIONS["exact"].cut(0.005, 100, "the maps")
    assert CONVENTIONS["quick"].cut(0.005, 100, "the maps").above == 1


# --- input, images, categories, threshold ---------------------------------------------------------


class Camera(nn.Module):
    """Puts out the picture it gets, as three units."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


@pytest.mark.parametrize(
    ("convention", "mean", "scale"),
    [
        ("netdissect", (124.6901, 118.6897, 109.5388), (255 * 0.224,) * 3),
        ("lite", (124.6901, 118.6897, 109.5388), (255 * 0.224,) * 3),
        ("quick", (255 * 0.485, 255 * 0.456, 255 * 0.406), (255 * 0.229, 255 * 0.224, 255 * 0.225)),
    ],
)
def test_a_picture_is_normalised_as_the_tool_does(painted, convention, mean, scale):
    settings = {"convention": convention, "resolution": 4, "quantile": 0.1, "examples": 1}
    shown = dissect(Camera(), "layer", painted, **settings).layers["layer"]
    expected = [(value - m) / s for value, m, s in zip((255, 255, 0), mean, scale, strict=True)]
    assert shown.examples["peak"].tolist() == pytest.approx(expected, rel=1e-5)


def test_exact_asks_for_the_input_of_a_network_it_does_not_know(painted):
    with pytest.raises(ConfigError, match="mean, std"):
        dissect(Camera(), "layer", painted, resolution=4, quantile=0.1)


@pytest.mark.parametrize("convention", NAMES)
def test_what_is_stated_is_not_the_conventions(convention):
    stated = {"iou": 0.3, "mean": (0.1, 0.2, 0.3), "std": (1.0, 0.5, 0.25), "categories": ("a",)}
    settings = DissectionSettings(layers=("x",), convention=convention, **stated)
    assert {key: getattr(settings, key) for key in stated} == stated
    assert settings.rules.images_of("val") == "val"


def test_what_is_not_stated_is_the_conventions():
    settings = {name: DissectionSettings(layers=("x",), convention=name) for name in NAMES}
    assert {name: own.iou for name, own in settings.items()} == {
        "exact": 0.05,
        "netdissect": 0.04,
        "lite": 0.04,
        "quick": 0.04,
    }
    assert settings["exact"].mean is None
    assert settings["exact"].std is None
    assert settings["quick"].mean == (0.485, 0.456, 0.406)
    assert settings["netdissect"].std == settings["lite"].std == (0.224, 0.224, 0.224)
    images = {name: own.rules.images_of(None) for name, own in settings.items()}
    assert images == {"exact": None, "netdissect": None, "lite": None, "quick": "train"}


def test_settings_come_back_from_their_own_dump():
    for name in NAMES:
        stated = DissectionSettings(layers=("x",), convention=name, iou=0.2)
        assert DissectionSettings.model_validate(stated.model_dump(mode="json")) == stated


def test_a_convention_that_there_is_not_is_refused():
    with pytest.raises(ConfigError, match=r"convention is 'lit'.*'exact', 'netdissect', 'lite'"):
        DissectionSettings.validate_from({"layers": ["x"], "convention": "lit"}, "recipe.yaml")


def test_lite_leaves_out_material_unless_categories_are_stated():
    labels = (
        Label(number=1, name="wood", category="material"),
        Label(number=2, name="red-c", category="color"),
    )
    planes = np.array([[[0, 0, 0, 0, 1, 1, 1, 1]], [[0, 0, 0, 0, 0, 0, 0, 2]]], np.int32)
    concepts = world_of([Annotation(planes=planes, whole=())], labels, ("material", "color"))
    cells = [[[[0, 0, 8, 8]]]]
    found = {
        name: replay(cells, concepts, convention=name, quantile=0.5) for name in ("exact", "lite")
    }
    assert found["exact"].units["concept"].tolist() == ["wood"]
    assert found["lite"].units["concept"].tolist() == ["red-c"]
    assert found["lite"].summary["settings"]["categories"] == ["color"]
    assert list(found["lite"].summary["by_category"]) == ["color"]
    stated = {"convention": "lite", "categories": ("material", "color")}
    assert replay(cells, concepts, quantile=0.5, **stated).units["concept"].tolist() == ["wood"]


def test_lite_refuses_a_set_of_materials_alone():
    labels = (Label(number=1, name="wood", category="material"),)
    wooden = Annotation(planes=np.ones((1, 1, 8), np.int32), whole=())
    with pytest.raises(ConfigError, match=r"lite leaves out material.*--categories material"):
        replay([[[[0, 8, 8, 8]]]], world_of([wooden], labels, ("material",)), convention="lite")


@pytest.mark.long
def test_quick_takes_the_training_images_unless_others_are_stated(drawn):
    def images(**stated: str) -> int:
        given = {"resolution": 8, "quantile": 0.1, "mean": (0.5,) * 3, "std": (1.0,) * 3}
        found = dissect(Camera(), "layer", f"broden:{drawn}", **given, **stated)
        return found.layers["layer"].summary["images"]

    assert images() == images(convention="lite") == images(convention="netdissect") == 40
    assert images(convention="quick") == 20
    assert images(convention="quick", split="all") == 40


def test_every_convention_can_be_chosen():
    assert get_args(ConventionName) == NAMES
    assert all(name == rules.name for name, rules in CONVENTIONS.items())


# --- random worlds -------------------------------------------------------------------------------


@pytest.mark.long
@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    convention=st.sampled_from(NAMES),
    seed=st.integers(0, 2**32 - 1),
    cells=st.tuples(st.integers(4, 6), st.integers(2, 6)),  # 3 high, they might be 3 units last
    sizes=st.lists(st.tuples(st.integers(1, 12), st.integers(2, 12)), min_size=1, max_size=3),
    quantile=st.sampled_from([0.005, 0.02, 0.1, 0.37]),
    batch_size=st.sampled_from([1, 5, 32]),
    memory=st.sampled_from([0, 2_000, 1 << 30]),
)
def test_random_worlds_give_the_same_integers_as_the_oracle(
    convention, seed, cells, sizes, quantile, batch_size, memory
):
    source = np.random.default_rng(seed)
    images = 12 if quantile > 0.01 else 40
    numbers = [0, *(label.number for label in LABELS)]
    planes = [
        source.choice(numbers, (2, *sizes[image % len(sizes)])).astype(np.int32)
        for image in range(images)
    ]
    for own in planes[::3]:
        own[1] = own[0]  # one label in both planes
    for own in planes[1::4]:
        own[:] = 0
    wholes = [
        tuple(source.choice(numbers[1:], 2).tolist()) if source.random() < 0.3 else ()
        for _ in planes
    ]
    annotations = [
        Annotation(planes=own, whole=whole) for own, whole in zip(planes, wholes, strict=True)
    ]
    activations = source.normal(0, 1, (images, 3, *cells)).astype(np.float32)
    activations[:, 1] = (activations[:, 1] - 1.5).clip(0)
    activations[:, 2] = -1
    if math.floor(quantile * images * math.prod(cells)) == 0:
        quantile = 0.5
    expected = oracle.dissect(
        activations,
        _world_of_the_oracle(planes, wholes),
        quantile=quantile,
        iou_threshold=CONVENTIONS[convention].iou,
        convention=convention,
    )
    concepts = world_of(annotations, LABELS, ("color", "part"))
    layer = replay(
        activations,
        concepts,
        convention=convention,
        quantile=quantile,
        batch_size=batch_size,
        memory=memory,
    )
    np.testing.assert_allclose(layer.overlap.thresholds, expected.thresholds, rtol=1e-14)
    assert layer.overlap.intersection.tolist() == expected.intersection.tolist()
    assert layer.overlap.activation.tolist() == expected.activation.tolist()
    assert layer.overlap.truth.tolist() == expected.truth.tolist()
    labels = layer.units["label"].astype(object)
    assert labels.where(labels.notna(), None).tolist() == expected.best_label
    assert layer.units["dead"].tolist() == expected.dead.tolist()
    assert layer.units["interpretable"].tolist() == expected.interpretable.tolist()
    _assert_images_sum_to(layer)


def _assert_images_sum_to(layer):
    """The counts image by image are those of all images, A under `lite` left aside."""
    overlap = layer.overlap
    columns = overlap.label_numbers.tolist()
    intersection, activation, truth = (
        torch.zeros(counts.shape, dtype=torch.int64)
        for counts in (overlap.intersection, overlap.activation, overlap.truth)
    )
    for row in layer.images.itertuples():
        labels = [columns.index(number) for number in row.labels]
        own = torch.from_numpy(row.units.copy()).long()
        met = torch.from_numpy(row.intersection.copy()).long()
        intersection[own[:, None], torch.tensor(labels, dtype=torch.int64)] += met.view(
            len(own), len(labels)
        )
        area = torch.from_numpy(row.activation.copy()).long()
        carried = sorted({int(overlap.category_of[label]) for label in labels})
        activation[own[:, None], torch.tensor(carried, dtype=torch.int64)] += area[:, None]
        truth[labels] += torch.from_numpy(row.truth.copy()).long()
    assert np.array_equal(intersection, overlap.intersection)
    assert np.array_equal(truth, overlap.truth)
    if layer.summary["convention"] != "lite":
        assert np.array_equal(activation, overlap.activation)


def _world_of_the_oracle(planes, wholes):
    return oracle.World(
        categories=["color", "part"],
        names={label.number: label.name for label in LABELS},
        primary={label.number: label.category for label in LABELS},
        images=[
            oracle.LabelledImage(
                path="",
                height=own.shape[1],
                width=own.shape[2],
                planes=list(own),
                whole=list(whole),
            )
            for own, whole in zip(planes, wholes, strict=True)
        ],
    )
