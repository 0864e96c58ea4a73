"""Does every unit get the concept that its counts say?"""

import numpy as np
import pandas as pd
import pytest

from prunescope.concepts.protocol import Label
from prunescope.dissection.scores import score_units
from prunescope.results.overlap import Overlap

LABELS = (
    Label(number=2, name="red-c", category="color"),
    Label(number=4, name="wheel", category="part"),
    Label(number=7, name="blue-c", category="color"),
)


def overlap(intersection, activation, truth=(100, 50, 100)):
    return Overlap(
        thresholds=np.zeros(len(intersection)),
        intersection=np.array(intersection),
        activation=np.array(activation),
        truth=np.array(truth),
        label_numbers=np.array([label.number for label in LABELS]),
        category_of=np.array([0, 1, 0]),
        categories=("color", "part"),
        label_names=tuple(label.name for label in LABELS),
    )


def only_unit(counts, **options):
    return score_units(counts, **({"iou": 0.05} | options)).iloc[0]


def test_iou_is_the_intersection_over_activation_and_truth_less_it():
    ious = overlap([[20, 10, 0]], [[40, 30]]).iou
    assert ious.tolist() == [[20 / 120, 10 / 70, 0]]


def test_a_unit_shows_its_best_label_and_the_counts_behind_it():
    unit = only_unit(overlap([[20, 30, 10]], [[40, 60]]))
    assert (unit.label, unit.concept, unit.category) == (4, "wheel", "part")
    assert (unit.intersection, unit.activation, unit.truth) == (30, 60, 50)
    assert unit.iou == 30 / 80
    assert (unit.color_label, unit.color_iou) == ("red-c", 20 / 120)
    assert (unit.part_label, unit.part_iou) == ("wheel", 30 / 80)
    assert unit.interpretable
    assert not unit.dead


def test_precision_recall_and_f1_are_quotients_of_the_counts():
    unit = only_unit(overlap([[20, 30, 10]], [[40, 60]]))
    assert (unit.precision, unit.recall, unit.f1) == (30 / 60, 30 / 50, 60 / 110)


def test_the_next_best_labels_stand_behind_the_best():
    unit = only_unit(overlap([[20, 30, 10]], [[40, 60]]))
    assert (unit.concept_2, unit.category_2, unit.iou_2) == ("red-c", "color", 20 / 120)
    assert unit.concept_3 == LABELS[2].name
    assert unit.iou_2 > unit.iou_3 > 0


def test_there_are_only_as_many_next_best_labels_as_the_unit_meets():
    unit = only_unit(overlap([[20, 0, 0]], [[40, 60]]))
    assert unit.concept == "red-c"
    assert unit[["concept_2", "category_2", "iou_2", "concept_3", "iou_3"]].isna().all()


def test_next_best_labels_are_of_the_chosen_categories_and_ties_go_to_the_lower():
    unit = only_unit(overlap([[25, 40, 25]], [[50, 60]]), categories=("color",))
    assert (unit.concept, unit.concept_2) == ("red-c", LABELS[2].name)
    assert pd.isna(unit.concept_3)


def test_equal_ious_go_to_the_lower_label_number():
    unit = only_unit(overlap([[25, 0, 25]], [[50, 0]]))
    assert unit.label == 2
    assert unit.color_label == "red-c"


def test_an_iou_at_the_bound_is_not_interpretable():
    at_bound = overlap([[5, 0, 0]], [[5, 0]])
    assert only_unit(at_bound).iou == 0.05
    assert not only_unit(at_bound).interpretable
    assert only_unit(at_bound, iou=0.049).interpretable


def test_a_unit_that_fires_beside_every_label_has_no_concept():
    unit = only_unit(overlap([[0, 0, 0]], [[40, 0]]))
    assert unit.iou == 0
    assert unit[["label", "concept", "category", "intersection", "color_label"]].isna().all()
    assert not unit.dead
    assert not unit.interpretable


def test_a_unit_that_never_fires_is_dead_and_its_ious_are_undefined():
    unit = only_unit(overlap([[0, 0, 0]], [[0, 0]]))
    assert unit.dead
    assert not unit.interpretable
    assert unit[["iou", "color_iou", "part_iou", "label", "truth"]].isna().all()


def test_a_category_whose_labels_are_in_no_image_is_undefined():
    unit = only_unit(overlap([[10, 0, 0]], [[40, 0]], truth=(100, 0, 0)))
    assert unit.concept == "red-c"
    assert np.isnan(unit.part_iou)
    assert pd.isna(unit.part_label)


def test_chosen_categories_limit_the_concepts_and_nothing_else():
    counts = overlap([[20, 30, 10], [0, 9, 0]], [[40, 60], [0, 9]])
    everything = score_units(counts, iou=0.05)
    colours = score_units(counts, iou=0.05, categories=("color",))
    assert colours.concept.tolist() == ["red-c", pd.NA]
    assert not colours.dead.any()
    shared = ["unit", "threshold", "dead", "color_label", "color_iou"]
    pd.testing.assert_frame_equal(colours[shared], everything[shared])
    assert "part_iou" not in colours


@pytest.mark.parametrize("units", [1, 3])
def test_columns_have_one_type_whatever_they_hold(units):
    dead = score_units(overlap([[0, 0, 0]] * units, [[0, 0]] * units), iou=0.05)
    alive = score_units(overlap([[9, 9, 9]] * units, [[9, 9]] * units), iou=0.05)
    assert dead.dtypes.equals(alive.dtypes)
