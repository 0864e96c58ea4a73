"""Is it said truly how units and concepts change from one convention to another?"""

import pandas as pd
import pytest

from layers import make_layer
from prunescope.base.errors import ConfigError
from prunescope.comparison.conventions import ConventionComparison, compare_conventions
from prunescope.results.dissection import Dissection, LayerDissection

UNITS = [{"red": 200}, {"cat": 300}, {"dog": 150}, {"blue": 90}, {}]


def dissection(*units: dict[str, int], iou: float = 0.05, images: int = 10) -> Dissection:
    settings = {"quantile": 0.005, "precision": "float32", "iou": iou}
    layer = make_layer(*units, settings=settings, images=images)
    table = layer.units.assign(interpretable=layer.units["iou"] > iou)
    counted = LayerDissection(**(vars(layer) | {"units": table}))
    return Dissection(layers={layer.layer: counted})


@pytest.fixture
def compared() -> ConventionComparison:
    """Of five units, one is kept, one relabelled, one lost and one gained."""
    other = [{"red": 210}, {"blue": 250}, {}, {"blue": 90}, {}]
    return compare_conventions(
        {"exact": dissection(*UNITS), "lite": dissection(*other, iou=0.04, images=7)}
    )


def test_what_became_of_units_and_concepts_is_counted(compared: ConventionComparison) -> None:
    found = compared.summary()
    assert found["against"] == "exact"
    assert found["layers"]["layer4"]["conventions"] == found["conventions"]
    assert found["conventions"]["exact"]["changes"] is None
    lite = found["conventions"]["lite"]
    assert (lite["iou"], lite["images"]) == (0.04, 7)
    units, concepts = lite["changes"]["units"], lite["changes"]["concepts"]
    counts = {name: units[name] for name in ("kept", "relabelled", "lost", "gained")}
    assert counts == {"kept": 1, "relabelled": 1, "lost": 1, "gained": 1}
    assert {name: concepts[name] for name in ("kept", "lost", "gained")} == {
        "kept": 1,
        "lost": 2,
        "gained": 1,
    }


def test_a_unit_is_interpretable_above_the_iou_of_its_own_convention() -> None:
    """The IoU of 90 shared pixels of 1,000 is 0.047."""
    both = {"exact": dissection({"red": 90}), "lite": dissection({"red": 90}, iou=0.04)}
    changes = compare_conventions(both).summary()["conventions"]["lite"]["changes"]
    assert changes["units"]["gained"] == 1


def test_the_table_has_a_row_per_layer_and_convention(compared: ConventionComparison) -> None:
    table = compared.table
    assert table["convention"].tolist() == ["exact", "lite"]
    assert table["layer"].tolist() == ["layer4", "layer4"]
    assert table["unit_lost"].tolist() == [pd.NA, 1]
    assert table["concept_lost"].tolist() == [pd.NA, 2]


def test_the_text_names_what_went_and_came(compared: ConventionComparison) -> None:
    text = str(compared)
    assert "layer4: 5 units" in text
    assert "lost in lite (units in exact): cat (1), dog (1)" in text
    assert "gained in lite (units in lite): blue (2)" in text


def test_categories_that_one_convention_leaves_out_are_compared_all_the_same() -> None:
    layer = make_layer(*UNITS, categories=("object",), settings={"iou": 0.05})
    lite = Dissection(layers={"layer4": layer})
    counts = compare_conventions({"exact": dissection(*UNITS), "lite": lite}).summary()
    assert counts["conventions"]["lite"]["changes"]["by_category"]["color"]["units"]["lost"] == 1


def test_one_convention_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to compare exact with"):
        compare_conventions({"exact": dissection(*UNITS)})
