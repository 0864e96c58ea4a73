"""Do the tables we write for other tools say what the dissection says?"""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from layers import make_layer
from prunescope.base.errors import ConfigError, DataError
from prunescope.results.dissection import Dissection
from prunescope.results.netdissect import netdissect_columns
from prunescope.results.netdissect_export import (
    export_netdissect,
    is_export,
    netdissect_table,
)
from prunescope.results.opened import open_dissection
from prunescope.results.units import categories_of, count_units
from prunescope.statistics.compare import compare

UNITS = [{"red": 200}, {"cat": 300, "red": 95}, {"dog": 95}, {"blue": 90}, {}, {"other": 1}]
"""Of which the fifth is dead, and the last meets no label."""


def read_units(path: Path) -> pd.DataFrame:
    return open_dissection(path).units


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    layers = {name: make_layer(*UNITS, name=name) for name in ("layer3", "layer4")}
    Dissection(layers=layers).save(tmp_path / "D")
    return tmp_path / "D"


def test_a_table_reads_back_with_the_same_numbers(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "table.csv"
    export_netdissect(saved / "layer4", out)
    units, again = read_units(saved / "layer4"), read_units(out)
    for column in ("unit", "iou", "dead", "interpretable"):
        assert again[column].tolist() == pytest.approx(units[column].tolist(), nan_ok=True, rel=0)
    for column in ("concept", "category", "color_label", "object_label"):
        assert again[column].fillna("").tolist() == units[column].fillna("").tolist()
    named = units["concept"].notna()
    for column in ("intersection", "activation", "truth"):
        assert again.loc[named, column].tolist() == units.loc[named, column].tolist()
    for iou in (0.01, 0.04, 0.05, 0.1):
        assert count_units(again, iou=iou) == count_units(units, iou=iou)


def test_a_concept_that_a_spreadsheet_would_run_is_harmless_and_reads_back(tmp_path: Path) -> None:
    layer = make_layer(*UNITS)
    names = {"red": '=HYPERLINK("x")', "cat": "@cat", "dog": "'-1", "blue": "'tis"}
    layer = replace(layer, units=layer.units.replace(names))
    layer.save(tmp_path / "layer4")
    export_netdissect(tmp_path / "layer4", tmp_path / "table.csv")
    for name in ("table.csv", "layer4/units.csv"):
        rows = csv.reader((tmp_path / name).read_text().splitlines())
        assert not {cell[0] for row in rows for cell in row if cell} & set("=+-@")
    assert "'@cat" in (tmp_path / "table.csv").read_text()
    again = read_units(tmp_path / "table.csv")
    for column in ("concept", "color_label", "object_label"):
        assert again[column].fillna("").tolist() == layer.units[column].fillna("").tolist()
    assert is_export(tmp_path / "table.csv")


def test_a_dissection_and_its_table_are_the_same_to_a_comparison(
    saved: Path, tmp_path: Path
) -> None:
    export_netdissect(saved / "layer4", tmp_path / "table.csv")
    compared = compare(saved / "layer4", tmp_path / "table.csv", iou=0.04).summary()
    assert (compared["units"]["a"], compared["units"]["kept"]) == (4, 4)
    assert compared["concepts"]["kept_share"] == 1


def test_counts_that_lack_a_category_of_the_units_are_refused(tmp_path: Path) -> None:
    layer = make_layer(*UNITS)
    categories = tuple(f"{name}s" for name in layer.overlap.categories)
    overlap = replace(layer.overlap, categories=categories)
    with pytest.raises(DataError, match="the counts have no color, but colors"):
        netdissect_table(layer.units, overlap)


def test_an_export_replaces_an_export_and_nothing_else(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    export_netdissect(saved, out, "layer3")
    Dissection(layers={"layer4": make_layer({"red": 10}, {"dog": 7}, {})}).save(saved)
    export_netdissect(saved, out)
    assert len(read_units(out)) == 3
    rounded = [re.sub(r"(\.\d{6})\d+", r"\1", line) for line in out.read_text().splitlines()]
    for content in ("\n".join(rounded), "unit,category\n", "my notes", "", "\x00\x01"):
        out.write_text(content)
        with pytest.raises(ConfigError, match=r"table\.csv is there already.*another --out"):
            export_netdissect(saved, out)
        assert out.read_text() == content


@pytest.mark.long
@pytest.mark.real
def test_a_published_table_is_no_export_of_ours(shared: Path) -> None:
    tables = sorted((shared / "data" / "netdissect_results").glob("*.csv"))
    assert tables
    assert not any(is_export(table) for table in tables)


def test_the_columns_are_those_of_network_dissection(saved: Path, tmp_path: Path) -> None:
    export_netdissect(saved, tmp_path / "table.csv", "layer3")
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[0] == (
        "unit,category,label,score,color-label,color-truth,color-activation,color-intersect,"
        "color-iou,object-label,object-truth,object-activation,object-intersect,object-iou"
    )
    assert lines[1] == f"1,color,red,{200 / 1800},red,1000,1000,200,{200 / 1800},,0,1000,0,0.0"
    assert lines[5] == "5,,,0.0,,0,0,0,0.0,,0,0,0,0.0"
    assert lines[6] == "6,,,0.0,,0,1000,0,0.0,,0,1000,0,0.0"


def test_a_layer_must_be_named_where_there_are_several(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"layer3, layer4: say with --layer"):
        export_netdissect(saved, tmp_path / "table.csv")
    with pytest.raises(ConfigError, match=r'"layer5".*has layer3, layer4'):
        export_netdissect(saved, tmp_path / "table.csv", "layer5")
    assert not (tmp_path / "table.csv").exists()


def test_what_is_no_dissection_or_no_place_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        export_netdissect(saved / "layer4", tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        export_netdissect(saved / "layer4" / "units.csv", tmp_path / "table.csv")
    with pytest.raises(DataError, match="holds no dissection"):
        export_netdissect(tmp_path, tmp_path / "table.csv")
    (saved / "layer4" / "overlap.safetensors").unlink()
    with pytest.raises(DataError, match=r"overlap\.safetensors"):
        export_netdissect(saved / "layer4", tmp_path / "table.csv")


@pytest.mark.real
@pytest.mark.parametrize("name", ["resnet50_imagenet_layer4", "resnet18_places365_layer4"])
def test_published_tables_have_the_columns_and_counts_that_we_write(
    shared: Path, name: str
) -> None:
    path = shared / "data/netdissect_results" / f"{name}.csv"
    units, table = read_units(path), pd.read_csv(path)
    assert table.columns.tolist() == netdissect_columns(categories_of(units))
    assert table["unit"].tolist() == (units["unit"] + 1).tolist()
    for category in categories_of(units):
        shared_pixels = table[f"{category}-intersect"]
        either = table[f"{category}-activation"] + table[f"{category}-truth"] - shared_pixels
        np.testing.assert_allclose(table[f"{category}-iou"], shared_pixels / either, rtol=1e-3)
