"""Are image and label columns found by what they are, never by guessing?"""

import pytest
from datasets import ClassLabel, Features, Image, Value

from prunescope.base.errors import DataError
from prunescope.data.columns import find_columns

NAMED = ClassLabel(names=["cat", "dog"])


def test_columns_are_found_by_type_whatever_they_are_called():
    found = find_columns(Features({"photo": Image(), "species": NAMED, "id": Value("int64")}), "x")
    assert (found.image, found.label, found.classes) == ("photo", "species", ("cat", "dog"))


def test_an_integer_column_of_a_usual_name_serves_where_no_column_has_class_names():
    features = Features(
        {"img": {"bytes": Value("binary"), "path": Value("string")}, "labels": Value("uint8")}
    )
    found = find_columns(features, "x")
    assert (found.image, found.label, found.classes) == ("img", "labels", None)


def test_of_cifar100s_two_label_columns_the_fine_one_is_taken():
    features = Features({"img": Image(), "fine_label": NAMED, "coarse_label": NAMED})
    assert find_columns(features, "x").label == "fine_label"


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"left": Image(), "right": Image(), "label": NAMED}, "2 columns .left, right.*images"),
        ({"image": Image(), "shape": NAMED, "colour": NAMED}, "2 columns .shape, colour.*labels"),
        ({"image": Image(), "age": Value("int64")}, "no column.*labels.*columns are image, age"),
        ({"image": Image(), "label": Value("string")}, "no column.*labels"),
        ({"url": Value("string"), "label": NAMED}, "no column.*images.*columns are url, label"),
    ],
)
def test_an_ambiguous_or_lacking_set_is_refused_by_the_names_of_its_columns(features, message):
    with pytest.raises(DataError, match=message):
        find_columns(Features(features), "the set")
