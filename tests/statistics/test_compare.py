"""Does a comparison say what it must, and refuse what cannot be compared?"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import prunescope as ps
from layers import make_layer, save_run
from prunescope.base.errors import ConfigError, DataError
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.sides import open_side
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.statistics.compare import compare

BEFORE = make_layer({"red": 200}, {"cat": 200}, {"dog": 100, "blue": 300}, {})
AFTER = make_layer({"red": 100}, {"dog": 200}, {"dog": 90}, {"cat": 400})
FEWER = make_layer({"dog": 200}, {"red": 210})


def saved(folder: Path, *layers: LayerDissection) -> Path:
    Dissection(layers={layer.layer: layer for layer in layers}).save(folder)
    return folder


def counts(comparison: Comparison, layer: str = "layer4") -> dict[str, int]:
    found = comparison.summary()["layers"][layer]["units"]
    return {name: found[name] for name in ("kept", "relabelled", "lost", "gained")}


EXPECTED = {"kept": 1, "relabelled": 1, "lost": 1, "gained": 1}


@pytest.mark.long
def test_folders_layers_and_objects_give_the_same(tmp_path: Path) -> None:
    a, b = saved(tmp_path / "A", BEFORE), saved(tmp_path / "B", AFTER)
    whole = Dissection(layers={"layer4": BEFORE})
    for first, second in [
        (a, b),
        (str(a), str(b)),
        (a / "layer4", b / "layer4"),
        (BEFORE, AFTER),
        (whole, Dissection(layers={"layer4": AFTER})),
        (whole, AFTER),
        (a, AFTER),
    ]:
        comparison = compare(first, second)
        assert counts(comparison) == EXPECTED
        pd.testing.assert_frame_equal(comparison.units, compare(BEFORE, AFTER).units)
        assert comparison.warnings == ()


def test_it_is_a_public_name() -> None:
    assert isinstance(ps.compare(BEFORE, AFTER), ps.Comparison)


def test_the_summary_is_plain_and_has_the_only_layer_at_the_top() -> None:
    summary = compare(BEFORE, AFTER).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["a"] == {"name": "A"}
    assert summary["units"] == summary["layers"]["layer4"]["units"]
    assert (summary["iou"], summary["match"], summary["warnings"]) == (0.05, "identity", [])


def test_the_iou_asked_for_counts_whatever_was_saved() -> None:
    assert counts(compare(BEFORE, AFTER, iou=0.1)) == {
        **{"kept": 0, "relabelled": 1, "lost": 2, "gained": 1}
    }
    with pytest.raises(ConfigError, match=r"iou is 1\.5.*\[0, 1\]"):
        compare(BEFORE, AFTER, iou=1.5)


@pytest.mark.long
def test_every_layer_both_have_is_compared_and_the_others_named(tmp_path: Path) -> None:
    third = make_layer({"red": 200}, name="layer3")
    a = saved(tmp_path / "A", BEFORE, third)
    b = saved(tmp_path / "B", AFTER, third, make_layer({"red": 200}, name="layer2"))
    comparison = compare(a, b)
    assert list(comparison.layers) == ["layer3", "layer4"]
    assert comparison.units["layer"].tolist() == ["layer3"] + ["layer4"] * 4
    assert comparison.warnings == ("layer2 of B has no counterpart and is left out",)
    one = compare(a, b, layer="layer4")
    assert list(one.layers) == ["layer4"]
    assert one.warnings == ()


def test_other_layers_are_compared_where_each_side_is_one_by_itself(tmp_path: Path) -> None:
    third = make_layer({"red": 200}, {"cat": 200}, {}, {}, name="layer3")
    a, b = saved(tmp_path / "A", BEFORE), saved(tmp_path / "B", third)
    assert list(compare(a / "layer4", b / "layer3").layers) == ["layer4 -> layer3"]
    assert list(compare(BEFORE, third).layers) == ["layer4 -> layer3"]
    with pytest.raises(ConfigError, match=r"holds layer4, .* holds layer3: no layer is in both"):
        compare(a, b)
    with pytest.raises(ConfigError, match=r'there is no layer "layr4" \(did you mean "layer4"\?\)'):
        compare(a, b, layer="layr4")


def test_a_runs_level_says_its_weights_and_accuracy(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", {(0, "dense", 0): [BEFORE], (0, "lottery", 1): [AFTER]})
    first, second = run / "replicate-0/level-00", run / "replicate-0/lottery/level-01"
    comparison = compare(first, second)
    assert counts(comparison) == EXPECTED
    assert comparison.b == {"name": str(second), "keep": 0.8, "accuracy": 0.9}
    assert "(80 % of the weights, accuracy 90.0 %)" in str(comparison)


# --- other numbers of units ----------------------------------------------------------------------


def test_layers_of_other_sizes_are_compared_by_concept_and_it_is_said() -> None:
    comparison = compare(BEFORE, FEWER)
    assert comparison.layers["layer4"].match == "concept"
    found = comparison.summary()["concepts"]
    assert (found["kept"], found["lost"], found["gained"]) == (1, 2, 1)
    [warning] = comparison.warnings
    assert "A has 4 units and B 2" in warning
    assert "--match profile" in warning
    assert compare(BEFORE, FEWER, match="concept").warnings == ()
    with pytest.raises(ConfigError, match="A has 4 units and B 2"):
        compare(BEFORE, FEWER, match="identity")


@pytest.mark.long
def test_matching_finds_the_units_of_a_narrower_layer() -> None:
    units = compare(BEFORE, FEWER, match="profile").units
    pairs = units.dropna(subset=["unit_a", "unit_b"])[["unit_a", "unit_b"]].to_numpy().tolist()
    assert pairs == [[0, 1], [2, 0]]
    assert (units["distance"].notna() == units["unit_b"].notna()).all()


def test_matching_undoes_a_permutation() -> None:
    units = [{"red": 200}, {"cat": 200, "dog": 30}, {"dog": 100, "blue": 300}, {"cat": 90}]
    permuted = make_layer(*(units[place] for place in (2, 0, 3, 1)))
    found = compare(make_layer(*units), permuted, match="profile")
    assert found.units["unit_b"].tolist() == [1, 3, 0, 2]
    assert counts(found) == {"kept": 3, "relabelled": 0, "lost": 0, "gained": 0}
    assert counts(compare(make_layer(*units), permuted))["kept"] == 0


# --- what cannot be compared ---------------------------------------------------------------------


def test_another_concept_set_is_refused() -> None:
    other = make_layer({"red": 200}, fingerprint="6" * 64)
    with pytest.raises(ConfigError, match=r"tiny \(10 images, fingerprint 55555555\), B on tiny"):
        compare(BEFORE, other)


def test_other_categories_to_choose_from_are_refused() -> None:
    with pytest.raises(ConfigError, match="among the categories color, object, B's among color:"):
        compare(BEFORE, make_layer({"red": 200}, categories=("color",)))


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"settings": {"quantile": 0.01, "precision": "float32"}}, "quantile differs: 0.005 in A"),
        ({"settings": {"quantile": 0.005, "precision": "bf16"}}, "precision differs"),
        (
            {"settings": {"quantile": 0.005, "precision": "float32", "arithmetic": "folded"}},
            "arithmetic differs: plain in A, folded in B",
        ),
        (
            {"input": {"resolution": 64, "mean": [0.5] * 3, "std": [0.2] * 3}},
            "input resolution differs: 32 in A, 64 in B",
        ),
        (
            {"input": {"resolution": 32, "mean": [0.4, 0.5, 0.5], "std": [0.2] * 3}},
            "input mean differs: 0.5,0.5,0.5 in A, 0.4,0.5,0.5 in B",
        ),
        ({"convention": "quick"}, "convention differs: not stated in A, quick in B"),
    ],
)
def test_other_conditions_are_warned_of(conditions: dict[str, object], said: str) -> None:
    other = make_layer({"red": 100}, {"dog": 200}, {"dog": 90}, {"cat": 400}, **conditions)
    [warning] = compare(BEFORE, other).warnings
    assert said in warning


def test_what_is_no_dissection_is_refused(tmp_path: Path) -> None:
    a = saved(tmp_path / "A", BEFORE)
    with pytest.raises(DataError, match="missing"):
        compare(a, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no dissection"):
        compare(a, tmp_path / "empty")
    with pytest.raises(ConfigError, match="B is a DataFrame: give a Dissection"):
        open_side(BEFORE.units, "B")


def test_a_run_against_a_dissection_is_refused_with_a_level_to_name(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", {(0, "dense", 0): [BEFORE], (0, "lottery", 1): [AFTER]})
    with pytest.raises(DataError, match=r"whole run: name one of its levels, such as .*level-01"):
        compare(run, saved(tmp_path / "A", BEFORE))


@pytest.mark.parametrize("name", ["units.parquet", "summary.json", "overlap.safetensors"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    a = saved(tmp_path / "A", BEFORE)
    b = Path(shutil.copytree(a, tmp_path / "B"))
    path = b / "layer4" / name
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        compare(a, b, match="profile")


# --- tables of Network Dissection ----------------------------------------------------------------

HEAD = "unit,category,label,score," + ",".join(
    f"{category}-{field}"
    for category in ("color", "object")
    for field in ("label", "truth", "activation", "intersect", "iou")
)
TABLE = f"""\
{HEAD}
1,color,red,0.11,red,1000,1000,200,0.11,dog,1000,1000,1,0.001
2,object,cat,0.30,red,1000,1000,1,0.001,cat,1000,1000,300,0.30
"""


def table(tmp_path: Path, text: str = TABLE, name: str = "alexnet.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_table_is_compared_with_the_only_layer_or_the_one_named(tmp_path: Path) -> None:
    third = make_layer({"red": 200}, name="layer3")
    both = saved(tmp_path / "A", BEFORE, third)
    with pytest.raises(ConfigError, match=r"say with --layer \(in Python layer=\) which one"):
        compare(table(tmp_path), both)
    comparison = compare(table(tmp_path), both, layer="layer4")
    assert list(comparison.layers) == ["alexnet -> layer4"]
    assert comparison.summary()["concepts"]["kept"] == 2
    assert "a table of Network Dissection, which may count by other conventions" in str(
        comparison.warnings
    )
    assert "--match profile" not in str(comparison.warnings)
    assert compare(table(tmp_path), both / "layer4").summary()["concepts"]["kept"] == 2


def test_two_tables_of_one_network_are_compared_unit_by_unit(tmp_path: Path) -> None:
    other = table(tmp_path, TABLE.replace("2,object,cat,0.30", "2,object,cat,0.03"), "other.csv")
    comparison = compare(table(tmp_path), other)
    assert comparison.units["outcome"].tolist() == ["kept", "lost"]
    [warning] = comparison.warnings
    assert warning.startswith("A and B have no counts of single images, so the counts have no int")
    assert compare(table(tmp_path), other, draws=0).warnings == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE.replace("red,1000", "red,900"), '"red" has 1,000 pixels in A but 900 in B'),
        (TABLE.replace("object", "thing"), "among the categories color, object"),
        (
            TABLE.replace("red,", "rot,").replace("cat,", "Katze,").replace("dog,", "Hund,"),
            "no label is named in both",
        ),
    ],
)
def test_tables_of_other_concepts_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        compare(table(tmp_path), table(tmp_path, text, "other.csv"))


def test_profiles_of_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"best labels only.*--match concept"):
        compare(table(tmp_path), BEFORE, match="profile")


@pytest.mark.long
@pytest.mark.real
def test_published_networks_hold_the_published_concepts(shared: Path) -> None:
    folder = shared / "data/netdissect_results"
    comparison = compare(
        folder / "resnet18_places365_layer4.csv", folder / "resnet50_imagenet_layer4.csv"
    )
    found = comparison.summary()
    assert (found["units"]["total_a"], found["units"]["total_b"]) == (512, 2048)
    assert (found["units"]["a"], found["units"]["b"]) == (353, 1019)
    concepts = found["concepts"]
    assert (concepts["a"], concepts["b"]) == (155, 164)
    assert (concepts["kept"], concepts["lost"], concepts["gained"]) == (97, 58, 67)
    by_category = {name: own["concepts"]["b"] for name, own in found["by_category"].items()}
    assert by_category == {
        **{"object": 52, "scene": 46, "texture": 42, "part": 19, "material": 4, "color": 1}
    }


@pytest.mark.long
@pytest.mark.real
def test_published_concepts_are_kept_as_a_naive_reading_of_the_files_says(shared: Path) -> None:
    paths = [
        shared / "data/netdissect_results" / f"{name}.csv"
        for name in ("resnet18_places365_layer4", "resnet50_imagenet_layer4")
    ]
    names = []
    for path in paths:
        lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
        names.append({(line[1], line[2]) for line in lines if float(line[3]) > 0.05})
    concepts = compare(*paths).concepts.set_index(["category", "concept"])["outcome"]
    for outcome, expected in (
        ("kept", names[0] & names[1]),
        ("lost", names[0] - names[1]),
        ("gained", names[1] - names[0]),
    ):
        assert set(concepts[concepts == outcome].index) == expected
