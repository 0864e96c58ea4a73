import base64
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pictured import NAMES, Painted, dissection, pictured, read_chunk, with_borderline
from prunescope.base.errors import ConfigError, DataError
from prunescope.report.pages.dissection import report_dissection, write_dissection_page
from prunescope.results.room import check_room

UNITS = ({"red": 200}, {"cat": 100, "red": 40}, {}, {"cat": 200})


@pytest.fixture
def page(tmp_path: Path) -> Path:
    found = dissection([pictured(*UNITS), pictured(*UNITS, name="layer3")])
    found.save(tmp_path / "D")
    return write_dissection_page(tmp_path / "D", found, Painted(), name="mine")


def test_the_tables_of_a_page_are_those_of_the_dissection(page: Path) -> None:
    index = read_chunk(page, "page")
    assert [view["layer"] for view in index["views"]] == ["layer4", "layer3"]
    assert index["concepts"] == {"names": ["red", "cat"], "categories": ["color", "object"]}
    units = read_chunk(page, "units-0")
    assert units["concept"] == [0, 1, -1, 1]
    assert units["concept_2"] == [-1, 0, -1, -1]
    assert units["iou"] == [0.111111, 0.0526316, None, 0.111111]
    assert units["interpretable"] == [1, 1, 0, 1]
    assert units["dead"] == [0, 0, 1, 0]


def test_images_are_in_sheets_with_the_masks_of_their_concepts(page: Path) -> None:
    images = read_chunk(page, "images")
    best, borderline = images["names"][: len(NAMES)], images["names"][len(NAMES) :]
    assert best == list(NAMES)
    assert images["missing"] == [0, 0, 0, 1] + [1] * len(borderline)  # which nobody has painted
    assert [images[side][:3] for side in ("width", "height")] == [[144] * 3, [108] * 3]
    regions = read_chunk(page, "regions-0")
    assert regions["0/0"] == [12, 16, [0, 192]]  # red is a label of the whole image
    assert regions["1/1"] == [12, 16, [0, *([8] * 24)]]
    assert "3/1" not in regions
    [unit, *_] = read_chunk(page, "examples-0-0")
    assert unit["images"] == [0, 1, 2, 3]
    assert unit["shape"] == [2, 2]


def test_a_unit_has_its_borderline_images_with_maps_and_its_histogram(tmp_path: Path) -> None:
    found = dissection([with_borderline(pictured(*UNITS))])
    found.save(tmp_path / "D")
    page = write_dissection_page(tmp_path / "D", found, Painted(), name="mine")
    unit = read_chunk(page, "examples-0-0")[1]
    names = read_chunk(page, "images")["names"]
    assert [names[image] for image in unit["images"]] == ["c.png", "gone.png"]
    assert [names[image] for image in unit["borderline"]] == ["a.png", "<b>.png"]
    assert "repeated" not in unit
    assert unit["pixels"] == [48, 48]
    maps = [np.frombuffer(base64.b64decode(text), np.int8) for text in unit["borderlineMaps"]]
    assert [(each > 0).tolist() for each in maps] == [[False] * 3 + [True], [False] + [True] * 3]
    assert unit["histogram"] == [0.25, 0.0, [5, 0, 3, 2]]


def test_borderline_images_among_the_top_images_are_counted_and_left_out(tmp_path: Path) -> None:
    layer = with_borderline(pictured(*UNITS), apart=False)
    layer = replace(layer, examples=layer.examples[layer.examples["rank"] != 1])
    page = write_dissection_page(tmp_path / "D", dissection([layer]), Painted(), name="mine")
    names, unit = read_chunk(page, "images")["names"], read_chunk(page, "examples-0-0")[1]
    assert [names[image] for image in unit["borderline"]] == ["<b>.png"]
    assert unit["repeated"] == 1
    [text] = unit["borderlineMaps"]
    assert (np.frombuffer(base64.b64decode(text), np.int8) > 0).tolist() == [False] + [True] * 3


@pytest.mark.parametrize(
    ("first", "counts", "expected"),
    [
        (0, [1] * 48, [0.5, 0.0, [1] * 48]),
        (0, [1] * 49, [1.0, 0.0, [2] * 24 + [1]]),
        (-3, [7, 1, 2] + [0] * 60 + [9], [1.0, -2.0, [7, 3] + [0] * 30 + [9]]),
    ],
)
def test_pairs_of_bins_are_joined_until_there_are_few_enough(
    tmp_path: Path, first: int, counts: list[int], expected: list[object]
) -> None:
    layer = with_borderline(pictured(*UNITS[:1]))
    layer.peaks["first_bin"], layer.peaks["bin_width"] = first, 0.5
    layer.peaks["counts"] = [np.array(counts)]
    page = write_dissection_page(tmp_path, dissection([layer]), Painted(), name="mine")
    assert read_chunk(page, "examples-0-0")[0]["histogram"] == expected


def test_each_layer_has_the_curves_of_what_was_counted(tmp_path: Path) -> None:
    first, second = pictured(*UNITS), pictured(*UNITS, name="layer3")
    quantiles = pd.DataFrame({"quantile": 0.02, "unit": range(len(UNITS)), "threshold": 0.1})
    quantiles = quantiles.assign(
        color_label=1, color_iou=[0.2, 0.1, 0, 0], object_label=2, object_iou=0.01
    )
    first = replace(first, quantiles=quantiles)
    page = write_dissection_page(tmp_path / "D", dissection([first, second]), Painted(), name="n")
    charts = read_chunk(page, "page")["charts"]
    assert [chart["title"] for chart in charts] == [
        *("layer4: above which IoU", "layer4: at which quantile", "layer3: above which IoU")
    ]
    html = page.read_text()
    places = [re.search(f'<div id="{chart["place"]}" hidden>', html) for chart in charts]
    assert all(places)
    [choice] = charts[1]["choices"]
    assert [curve["x"] for curve in choice["curves"]] == [[0.005, 0.02]] * 2
    assert [curve["y"] for curve in choice["curves"]] == [[3, 2], [2, 1]]


def test_equal_dissections_give_equal_bytes(page: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in page.parent.rglob("*.*")}
    found = dissection([pictured(*UNITS), pictured(*UNITS, name="layer3")])
    write_dissection_page(tmp_path / "D", found, Painted(), name="mine")
    assert {path: path.read_bytes() for path in page.parent.rglob("*.*")} == before


def test_a_page_beside_a_dissection_is_in_nobodys_way(page: Path) -> None:
    check_room(page.parents[1])
    (page.parent / "notes.txt").touch()
    with pytest.raises(ConfigError, match="report"):
        check_room(page.parents[1])
    with pytest.raises(ConfigError, match="is no page"):
        report_dissection(page.parents[1], None)


def test_another_concept_set_is_refused_and_none_leaves_images_blank(
    page: Path, pictures: Path
) -> None:
    folder = page.parents[1]
    with pytest.raises(DataError, match="has none of the images"):
        report_dissection(folder, f"broden:{pictures}")
    again = report_dissection(folder, None)
    assert set(read_chunk(again, "images")["missing"]) == {1}
    assert not list(again.parent.glob("assets/*.jpg"))
