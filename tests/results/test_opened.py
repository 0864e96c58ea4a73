from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from layers import make_layer
from prunescope.base.arrays import load_arrays, load_metadata, save_arrays
from prunescope.base.errors import ConfigError, DataError
from prunescope.results.opened import open_dissection
from prunescope.results.units import categories_of, count_units
from unit_tables import make_units


def read_units(path: Path) -> pd.DataFrame:
    return open_dissection(path).units


NETDISSECT = """\
unit,category,label,score,color-label,color-truth,color-activation,color-intersect,color-iou,\
scene-label,scene-truth,scene-activation,scene-intersect,scene-iou
1,scene,lake-s,0.25,red-c,10,20,1,0.03,lake-s,30,20,10,0.25
2,color,red-c,0.045,red-c,10,20,1,0.045,,30,4,0,0
3,color,red-c,0,red-c,10,0,0,0,lake-s,30,0,0,0
4,color,red-c,0,red-c,10,5,0,0,lake-s,30,5,0,0
"""


def test_units_and_distinct_concepts_are_counted_by_primary_category() -> None:
    units = make_units(
        ("red", 0.2), ("red", 0.1), ("cat", 0.06), ("dog", 0.3), ("blue", 0.02), (None, 0), None
    )
    assert count_units(units) == {
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


def test_a_unit_at_the_threshold_is_not_interpretable() -> None:
    units = make_units(("red", 0.25), ("cat", 0.5))
    assert count_units(units, iou=0.25)["interpretable"] == 1
    assert count_units(units, iou=0.5)["interpretable"] == 0


def test_without_a_threshold_the_table_says_what_is_interpretable() -> None:
    units = make_units(("red", 0.25), ("cat", 0.5), iou=0.3)
    assert count_units(units)["interpretable"] == 1
    assert count_units(units, iou=0.05)["interpretable"] == 2


def save_units(folder: Path) -> None:
    folder.mkdir()
    make_units(("red", 0.25), None).to_parquet(folder / "units.parquet")
    (folder / "summary.json").write_text("{}")


def test_the_keys_of_one_layer_stand_at_the_top_too(tmp_path: Path) -> None:
    save_units(tmp_path / "layer4")
    summary, counts = (
        open_dissection(tmp_path).summary(),
        count_units(make_units(("red", 0.25), None)),
    )
    assert summary == {"layers": {"layer4": counts}, **counts}
    save_units(tmp_path / "layer1.0")
    summary = open_dissection(tmp_path).summary(0.3)
    assert list(summary) == ["layers"]
    assert [(name, own["iou"]) for name, own in summary["layers"].items()] == [
        ("layer1.0", 0.3),
        ("layer4", 0.3),
    ]


def test_a_dissection_is_read_whole_or_by_layer(tmp_path: Path) -> None:
    for name in ("layer4", "layer1.0"):
        save_units(tmp_path / name)
    both = read_units(tmp_path)
    assert both["layer"].tolist() == ["layer1.0", "layer1.0", "layer4", "layer4"]
    one = read_units(tmp_path / "layer4")
    assert one["layer"].unique().tolist() == ["layer4"]
    assert one["unit"].tolist() == [0, 1]
    assert categories_of(one) == ("color", "object", "scene")


def test_the_larger_files_of_a_layer_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    make_layer({"red": 200, "dog": 100}, {}).save(tmp_path / "layer4")
    layer = open_dissection(tmp_path / "layer4").layers["layer4"]
    for name in ("examples.parquet", "images.parquet", "overlap.safetensors"):
        (tmp_path / "layer4" / name).write_bytes(b"damaged")
    assert layer.counts()["units"] == 2
    for name in ("examples", "images", "overlap"):
        with pytest.raises(DataError, match=name):
            getattr(layer, name)


def test_what_is_read_later_is_what_was_saved(tmp_path: Path) -> None:
    made = make_layer({"red": 200, "dog": 100}, {})
    made.save(tmp_path / "layer4")
    layer = open_dissection(tmp_path).layers["layer4"]
    assert np.array_equal(layer.overlap.iou, made.overlap.iou, equal_nan=True)
    pd.testing.assert_frame_equal(layer.examples, made.examples)
    pd.testing.assert_frame_equal(layer.images, made.images)


@pytest.mark.parametrize("lost", ["category_of", "truth"])
def test_counts_without_a_part_of_them_are_refused(tmp_path: Path, lost: str) -> None:
    make_layer({"red": 200}).save(tmp_path / "layer4")
    path = tmp_path / "layer4" / "overlap.safetensors"
    arrays, metadata = load_arrays(path), load_metadata(path)
    del arrays[lost]
    save_arrays(path, arrays, metadata)
    with pytest.raises(DataError, match=r"overlap\.safetensors.*"):
        _ = open_dissection(tmp_path).layers["layer4"].overlap


def test_a_table_of_network_dissection_has_no_counts_of_every_label(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(NETDISSECT)
    layer = open_dissection(tmp_path / "table.csv").layers["table"]
    with pytest.raises(ConfigError, match="best labels only"):
        _ = layer.overlap


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
    assert count_units(units, iou=0.05)["by_category"] == {
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


@pytest.mark.long
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
    summary = count_units(read_units(shared / "data/netdissect_results" / f"{name}.csv"), iou=iou)
    assert (summary["interpretable"], summary["concepts"]) == (interpretable, concepts)


@pytest.mark.long
@pytest.mark.real
def test_published_concepts_fall_into_the_published_categories(shared: Path) -> None:
    path = shared / "data/netdissect_results/resnet50_imagenet_layer4.csv"
    by_category = count_units(read_units(path), iou=0.05)["by_category"]
    assert {name: counts["concepts"] for name, counts in by_category.items()} == {
        "object": 52,
        "scene": 46,
        "texture": 42,
        "part": 19,
        "material": 4,
        "color": 1,
    }


@pytest.mark.long
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
