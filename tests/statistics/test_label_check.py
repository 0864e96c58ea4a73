"""Do labels that are chosen on one split and checked on another have the counts of these splits?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import prunescope as ps
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.networks.registry import build
from prunescope.report.label_check_views import unit_check_text
from prunescope.report.summary import describe_layers

INPUT = {"resolution": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build("cifar_resnet20,width=0.25", num_classes=10, seed=0)


@pytest.fixture(scope="module")
def found(network: nn.Module, drawn: Path) -> ps.Dissection:
    splits = {"label_on": "train", "check_on": "val"}
    return ps.dissect(network, "layer3", f"broden:{drawn}", quantile=0.2, **INPUT, **splits)


def naive_ious(
    layer: ps.LayerDissection, network: nn.Module, drawn: Path, split: str
) -> np.ndarray:
    """The IoU of every unit with every label on the images of a split, pixel by pixel."""
    concepts = open_concepts(f"broden:{drawn}", split=split)
    numbers = [label.number for label in concepts.labels]
    homes = {label.number: label.category for label in concepts.labels}
    units = len(layer.units)
    shared, truth, area = np.zeros((3, units, len(numbers)), np.int64)
    for index in range(len(concepts.images)):
        annotation = concepts.read_annotation(index)
        path, size = concepts.image_path(index), annotation.shape
        [masks] = layer.masks(network, path, range(units), size=size)
        there = {homes[number] for number in annotation.numbers()}
        for column, number in enumerate(numbers):
            carries = (annotation.planes == number).any(axis=0) | (number in annotation.whole)
            shared[:, column] += (masks & carries).sum(axis=(1, 2))
            truth[:, column] += carries.sum()
            if homes[number] in there:
                area[:, column] += masks.sum(axis=(1, 2))
    union = area + truth - shared
    return np.where(union > 0, shared / np.maximum(union, 1), 0.0)


def test_labels_and_ious_are_those_of_each_split_counted_alone(
    found: ps.Dissection, network: nn.Module, drawn: Path
) -> None:
    layer = found["layer3"]
    names = np.array(layer.overlap.label_names)
    chosen = naive_ious(layer, network, drawn, "train")
    checked = naive_ious(layer, network, drawn, "val")
    best, rows = chosen.argmax(axis=1), np.arange(len(chosen))
    assert (chosen.max(axis=1) > 0).all()
    table = layer.units
    assert table["concept_labelled"].tolist() == names[best].tolist()
    assert table["concept_held_out"].tolist() == names[checked.argmax(axis=1)].tolist()
    np.testing.assert_array_equal(table["iou_labelled"], chosen[rows, best])
    np.testing.assert_array_equal(table["iou_held_out"], checked[rows, best])
    same = best == checked.argmax(axis=1)
    assert 0 < same.sum() < len(same)  # both are seen
    assert table["label_confirmed"].tolist() == same.tolist()
    assert table["score_confirmed"].tolist() == (checked[rows, best] > 0.05).tolist()


def test_all_else_is_as_without_a_check(
    found: ps.Dissection, network: nn.Module, drawn: Path
) -> None:
    plain = ps.dissect(network, "layer3", f"broden:{drawn}", quantile=0.2, **INPUT)["layer3"]
    columns = plain.units.columns
    assert found["layer3"].units[columns].equals(plain.units)


def test_the_summary_counts_what_was_confirmed(found: ps.Dissection) -> None:
    layer = found["layer3"]
    for iou in (0.02, 0.05):
        table = layer.units[layer.units["iou_labelled"] > iou]
        counts = layer.counts(iou)["label_check"]
        stays = table["iou_held_out"] > iou
        assert counts["interpretable"] == len(table)
        assert counts["score_confirmed"] == stays.sum()
        assert counts["confirmed"] == (stays & table["label_confirmed"]).sum()
        assert counts["iou_held_out"] == pytest.approx(table["iou_held_out"].mean())
    text = describe_layers(found.summary())
    assert "label check: chosen on train (20 images), checked on val (20 images): of" in text


def test_it_is_saved_and_read_again(found: ps.Dissection, tmp_path: Path) -> None:
    found.save(tmp_path / "D")
    again = ps.Dissection.load(tmp_path / "D")
    assert again.summary() == found.summary()
    assert again["layer3"].units["concept_labelled"].tolist() == (
        found["layer3"].units["concept_labelled"].tolist()
    )


def test_a_table_that_lacks_what_was_found_is_damaged(found: ps.Dissection) -> None:
    layer = found["layer3"]
    lacking = replace(layer, units=layer.units.drop(columns="iou_held_out"))
    with pytest.raises(DataError, match=r"units.parquet of layer3 is damaged: it lacks"):
        lacking.counts()


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"label_on": "train"}, "check_on is missing: labels of one split are checked on another"),
        ({"check_on": "val"}, "label_on is missing"),
        ({"label_on": "val", "check_on": "val"}, 'both "val": check labels on other images'),
        ({"label_on": "trian", "check_on": "val"}, r'label_on names the split "trian".*train'),
        ({"label_on": "train", "check_on": "test"}, 'check_on names the split "test"'),
        ({"label_on": "train", "check_on": "val", "split": "train"}, 'check_on names .* "val"'),
    ],
)
def test_splits_that_cannot_be_are_refused_before_any_work(
    network: nn.Module, drawn: Path, splits: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        ps.dissect(network, "layer3", f"broden:{drawn}", **INPUT, **splits)


def test_a_set_without_labels_is_refused(network: nn.Module, drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("red\nblue\n")
    splits = {"label_on": "train", "check_on": "val"}
    words = {"words": tmp_path / "words.txt", "encoder": "nowhere:encoder"}
    with pytest.raises(ConfigError, match=r"are about labels, but images:.* has none"):
        ps.dissect(network, "layer3", f"images:{drawn / 'images'}", **INPUT, **splits, **words)


def test_a_unit_without_a_label_is_said_to_have_none() -> None:
    nothing = dict.fromkeys(
        ("concept_labelled", "iou_labelled", "concept_held_out", "iou_held_out")
    )
    check = nothing | {"label_confirmed": False, "score_confirmed": False}
    assert unit_check_text(check) == "no label on the images on which labels are chosen"
