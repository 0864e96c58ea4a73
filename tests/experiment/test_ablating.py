"""Is accuracy without units that of a network without them, and chance drawn as stated?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import prunescope as ps
from layers import make_layer
from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.registry import build
from prunescope.report.terminal import write_sections
from prunescope.report.views import sections_of
from prunescope.results.ablation import Ablation
from prunescope.results.dissection import Dissection

NAME = "cifar_resnet20,width=0.25"
LAYER = "layer3.2.bn2"
UNITS = tuple(range(8))


@pytest.fixture
def network(finished: Path) -> LoadedNetwork:
    """A network that was trained a little, so that its predictions differ."""
    return ps.load_network(str(finished / "replicate-0" / "level-00"))


def ablate(network: Any, pictures: Path, **options: Any) -> Ablation:
    found = ps.ablate(network, LAYER, pictures / "images", **{"controls": 0, **options})
    assert isinstance(found, Ablation)
    return found


def test_accuracy_is_that_of_a_network_without_the_units(
    network: LoadedNetwork, pictures: Path
) -> None:
    """A normalisation's gain and shift of zero are zero units."""
    found = ablate(network, pictures, units=UNITS)
    whole = ps.evaluate(network, pictures / "images", arithmetic="plain")
    for name in ("weight", "bias"):
        with torch.no_grad():
            network.module.get_parameter(f"{LAYER}.{name}")[list(UNITS)] = 0
    by_hand = ps.evaluate(network, pictures / "images", arithmetic="plain")
    assert by_hand.predictions["prediction"].tolist() != whole.predictions["prediction"].tolist()
    rows = found.classes.set_index("class")
    for name in whole.per_class:
        assert rows.loc[name, "whole"] == whole.per_class[name]
        assert rows.loc[name, "without"] == by_hand.per_class[name]
    summary = found.summary()
    assert (summary["whole"], summary["without"]) == (whole.top1, by_hand.top1)
    assert summary["units"] == list(UNITS)
    assert summary["control"] is None


def test_random_units_are_as_many_of_the_others(network: LoadedNetwork, pictures: Path) -> None:
    """Of sixteen units the eight others are the only choice."""
    found = ablate(network, pictures, units=UNITS, controls=1)
    others = ablate(network, pictures, units=range(8, 16))
    rows = found.classes
    assert others.classes["without"].tolist() != rows["without"].tolist()
    assert (rows["whole"] + rows["control"]).tolist() == others.classes["without"].tolist()
    counts, without = found.summary(), others.summary()["without"]
    assert counts["whole"] + counts["control"] == pytest.approx(without)
    assert counts["controls_as_bad"] == (without <= counts["without"])


def test_random_units_follow_from_the_seed(network: LoadedNetwork, pictures: Path) -> None:
    drawn = [
        ablate(network, pictures, units=UNITS[:4], controls=2, seed=seed).classes
        for seed in (0, 0, 1, 2)
    ]
    assert drawn[0].equals(drawn[1])
    assert not (drawn[0].equals(drawn[2]) and drawn[0].equals(drawn[3]))


def test_where_too_few_units_are_left_it_is_said(network: LoadedNetwork, pictures: Path) -> None:
    class Listener(Progress):
        said: list[str] = []  # noqa: RUF012  # of this test alone

        def say(self, message: str) -> None:
            self.said.append(message)

    ablate(network, pictures, units=range(15), controls=2, progress=Listener())
    assert any("has 1 other unit, fewer than are ablated" in said for said in Listener.said)


def test_all_units_of_a_concept_are_ablated(network: LoadedNetwork, pictures: Path) -> None:
    units = [{"red": 200}, {"cat": 300}, {"red": 20}, *[{}] * 12, {"red": 150}]
    dissected = make_layer(*units, name=LAYER)
    assert dissected.units["interpretable"].tolist()[:3] == [True, True, False]
    found = ablate(network, pictures, concept="red", dissection=dissected)
    assert (found.summary()["units"], found.summary()["concept"]) == ([0, 15], "red")
    whole = Dissection(layers={LAYER: dissected})
    same = ablate(network, pictures, units=(0, 15))
    assert ablate(network, pictures, concept="red", dissection=whole).classes.equals(same.classes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name either units"),
        ({"units": 1, "concept": "red"}, "name either units"),
        ({"concept": "red"}, r'which units see "red"\? Give a dissection'),
        ({"units": 1, "category": "color"}, "belong to a concept"),
        ({"units": [1, 1]}, r"units are \[1, 1\]: name one or more by their numbers, each once"),
        ({"units": []}, r"units are \[\]"),
        ({"units": 99}, "has no unit 99: it has 16 units, from 0 on"),
        ({"units": 1, "arithmetic": "folded"}, "arithmetic"),
        ({"units": 1, "controls": -1}, "controls"),
    ],
)
def test_what_is_not_meant_is_refused(
    network: LoadedNetwork, pictures: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ablate(network, pictures, **options)


def test_concepts_that_no_unit_sees_are_refused(network: LoadedNetwork, pictures: Path) -> None:
    dissected = make_layer({"red": 200}, {"cat": 300}, name=LAYER)
    for options, message in (
        ({"concept": "reed"}, r'interpretable as "reed".*did you mean "red"'),
        ({"concept": "red", "category": "object"}, "of the category object"),
    ):
        with pytest.raises(ConfigError, match=message):
            ablate(network, pictures, dissection=dissected, **options)
    other = replace(dissected, layer="layer2")
    with pytest.raises(ConfigError, match="is of layer2, but the layer is"):
        ablate(network, pictures, concept="red", dissection=other)
    along = {"kind": "pca", "units": 2, "fingerprint": "5" * 64}
    rotated = replace(dissected, summary={**dissected.summary, "basis": along})
    with pytest.raises(ConfigError, match=r"is of directions of 2 units \(pca\), but units are"):
        ablate(network, pictures, concept="red", dissection=rotated)


def test_removed_filters_keep_the_numbers_of_the_rest(
    network: LoadedNetwork, pictures: Path
) -> None:
    small = ps.prune(network, structure="filters", keep=0.5)
    layer, kept = next(iter(small.units.items()))
    found = ps.ablate(small, layer, pictures / "images", units=kept[-1], controls=1)
    assert found.summary()["units"] == [kept[-1]]
    gone = next(number for number in range(kept[-1]) if number not in kept)
    with pytest.raises(ConfigError, match=f"has no unit {gone}: .*numbers of those that are left"):
        ps.ablate(small, layer, pictures / "images", units=gone)


def test_the_network_comes_back_as_it_was(pictures: Path) -> None:
    module = build(NAME, num_classes=10, seed=0).train()
    seen = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    ps.ablate(module, "layer3", pictures / "images", units=1, controls=1, **seen)
    assert module.training
    assert not any(each._forward_hooks for each in module.modules())


def test_an_ablation_reads_well(network: LoadedNetwork, pictures: Path) -> None:
    found = ablate(network, pictures, units=UNITS, controls=3)
    lines = write_sections(sections_of(found)).splitlines()
    assert lines[0].startswith(
        f"{NAME} without 8 units (0, 1, 2, 3, 4, 5, 6, 7) of {LAYER}: 20 images, split "
    )
    assert "without them" in lines[1]
    assert "(mean of 3 draws)" in lines[2]
    assert "Classes that changed most: differences in points" in "\n".join(lines)
