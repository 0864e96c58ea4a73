from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from prunescope.analysis.summary import read_units, summarise, summarise_layers
from prunescope.base.errors import DataError
from prunescope.dissection.counts import categories_of

MakeUnits = Callable[..., pd.DataFrame]

NETDISSECT = """\
unit,category,label,score,color-label,color-truth,color-activation,color-intersect,color-iou,\
scene-label,scene-truth,scene-activation,scene-intersect,scene-iou
1,scene,lake-s,0.25,red-c,10,20,1,0.03,lake-s,30,20,10,0.25
2,color,red-c,0.045,red-c,10,20,1,0.045,,30,4,0,0
3,color,red-c,0,red-c,10,0,0,0,lake-s,30,0,0,0
4,color,red-c,0,red-c,10,5,0,0,lake-s,30,5,0,0
"""


def test_units_and_distinct_concepts_are_counted_by_primary_category(
    make_units: MakeUnits,
) -> None:
    units = make_units(
        ("red", 0.2), ("red", 0.1), ("cat", 0.06), ("dog", 0.3), ("blue", 0.02), (None, 0), None
    )
    assert summarise(units) == {
        "units": 7,
        "interpretable": 4,
        "concepts": 3,
        "dead": 1,
        "by_category": {
            "color": {"units": 2, "concepts": 1},
            "object": {"units": 2, "concepts": 2},
            "scene": {"units": 0, "concepts": 0},
        },
    }


def test_a_unit_at_the_threshold_is_not_interpretable(make_units: MakeUnits) -> None:
    units = make_units(("red", 0.25), ("cat", 0.5))
    assert summarise(units, 0.25)["interpretable"] == 1
    assert summarise(units, 0.5)["interpretable"] == 0


def test_without_a_threshold_the_table_says_what_is_interpretable(make_units: MakeUnits) -> None:
    units = make_units(("red", 0.25), ("cat", 0.5), iou=0.3)
    assert summarise(units)["interpretable"] == 1
    assert summarise(units, 0.05)["interpretable"] == 2


def test_the_keys_of_one_layer_stand_at_the_top_too(make_units: MakeUnits) -> None:
    one = make_units(("red", 0.25)).assign(layer="layer4")
    summary = summarise_layers(one)
    assert summary == {"layers": {"layer4": summarise(one)}, **summarise(one)}
    two = pd.concat([one, one.assign(layer="layer3")])
    assert list(summarise_layers(two)) == ["layers"]
    assert list(summarise_layers(two)["layers"]) == ["layer4", "layer3"]


def test_a_dissection_is_read_whole_or_by_layer(tmp_path: Path, make_units: MakeUnits) -> None:
    for name in ("layer4", "layer1.0"):
        (tmp_path / name).mkdir()
        make_units(("red", 0.25), None).to_parquet(tmp_path / name / "units.parquet")
    both = read_units(tmp_path)
    assert both["layer"].tolist() == ["layer1.0", "layer1.0", "layer4", "layer4"]
    one = read_units(tmp_path / "layer4")
    assert one["layer"].unique().tolist() == ["layer4"]
    assert one["unit"].tolist() == [0, 1]
    assert categories_of(one) == ("color", "object", "scene")


def test_a_netdissect_table_reads_as_ours(tmp_path: Path) -> None:
    path = tmp_path / "alexnet_conv5.csv"
    path.write_text(NETDISSECT)
    units = read_units(path)
    assert units["layer"].unique().tolist() == ["alexnet_conv5"]
    assert units["unit"].tolist() == [0, 1, 2, 3]
    assert units["dead"].tolist() == [False, False, True, False]
    assert units["concept"].isna().tolist() == [False, False, True, True]
    assert units["iou"].isna().tolist() == [False, False, True, False]
    assert units["interpretable"].tolist() == [True, False, False, False]
    first = units.loc[0, ["concept", "intersection", "activation", "truth"]]
    assert first.tolist() == ["lake-s", 10, 20, 30]
    assert summarise(units, 0.05)["by_category"] == {
        "color": {"units": 0, "concepts": 0},
        "scene": {"units": 1, "concepts": 1},
    }


def test_a_concept_may_be_called_none_and_a_score_is_read_to_its_last_digit(
    tmp_path: Path,
) -> None:
    path = tmp_path / "table.csv"
    score = "0.28571428571428570"
    path.write_text(NETDISSECT.replace("0.25,red-c", f"{score},red-c").replace("lake-s", "none"))
    first = read_units(path).iloc[0]
    assert first["concept"] == "none"
    assert first["iou"] == 2 / 7
    assert read_units(path)["scene_label"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b\n1,2\n", "no column unit, category, label, score"),
        ("unit,category,label,score\n1,color,red,0.1\n", "no CATEGORY-label"),
        (NETDISSECT.replace("scene-truth", "truth"), "no column scene-truth"),
        (NETDISSECT.replace("0.25,red-c", "much,red-c"), "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_csv_of_another_form_is_refused_by_name(
    tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"table\.csv.*{problem}"):
        read_units(path)


def test_a_place_without_a_dissection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no dissection"):
        read_units(tmp_path)
    with pytest.raises(DataError, match="missing"):
        read_units(tmp_path / "nothing.csv")
    (tmp_path / "units.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(DataError, match=r"units\.parquet cannot be read"):
        read_units(tmp_path)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "iou", "interpretable", "concepts"),
    [
        ("resnet50_imagenet_layer4", 0.05, 1019, 164),
        ("resnet50_imagenet_layer4", 0.04, 1355, 186),
        ("resnet18_places365_layer4", 0.05, 353, 155),
        ("resnet18_places365_layer4", 0.04, 434, 187),
    ],
)
def test_published_tables_hold_the_published_counts(
    shared: Path, name: str, iou: float, interpretable: int, concepts: int
) -> None:
    summary = summarise(read_units(shared / "data/netdissect_results" / f"{name}.csv"), iou)
    assert (summary["interpretable"], summary["concepts"]) == (interpretable, concepts)


@pytest.mark.real
def test_published_concepts_fall_into_the_published_categories(shared: Path) -> None:
    path = shared / "data/netdissect_results/resnet50_imagenet_layer4.csv"
    by_category = summarise(read_units(path), 0.05)["by_category"]
    assert {name: counts["concepts"] for name, counts in by_category.items()} == {
        "object": 52,
        "scene": 46,
        "texture": 42,
        "part": 19,
        "material": 4,
        "color": 1,
    }


@pytest.mark.real
@pytest.mark.parametrize("name", ["resnet50_imagenet_layer4", "resnet18_places365_layer4"])
def test_published_scores_are_the_best_category_and_follow_from_the_counts(
    shared: Path, name: str
) -> None:
    units = read_units(shared / "data/netdissect_results" / f"{name}.csv")
    best = units[[f"{category}_iou" for category in categories_of(units)]].max(axis="columns")
    union = units["activation"] + units["truth"] - units["intersection"]
    np.testing.assert_allclose(units["iou"], best)
    np.testing.assert_allclose(units["iou"], units["intersection"] / union, rtol=1e-5)
