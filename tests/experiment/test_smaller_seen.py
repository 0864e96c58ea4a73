"""Do the tables of a network that has lost filters speak of the dense network's units?"""

from pathlib import Path

import numpy as np
import pytest
import torch

import prunescope as ps
from concepts.worlds import MASKS, write_folder
from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.loading import LoadedNetwork
from prunescope.results.dissection import Dissection
from prunescope.results.units import unit_numbers

NAME = "cifar_resnet20,width=0.25"
LAYER = "layer3.0.bn1"


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"masks:{write_folder(tmp_path_factory.mktemp('set'), MASKS)}"


@pytest.fixture(scope="module")
def dense() -> LoadedNetwork:
    return ps.load_network(NAME, weights="random", num_classes=4)


@pytest.fixture(scope="module")
def seen(dense: LoadedNetwork, concepts: str) -> tuple[Dissection, Dissection]:
    small = ps.prune(dense, structure="filters", keep=0.5)
    return tuple(
        ps.dissect(network, LAYER, concepts=concepts, examples=2, quantile=0.05)
        for network in (dense, small)
    )


def test_prune_leaves_the_network_and_returns_a_smaller_one(dense: LoadedNetwork) -> None:
    before = {name: each.clone() for name, each in dense.module.state_dict().items()}
    small = ps.prune(dense, structure="filters", keep=0.5)
    assert all(torch.equal(before[name], each) for name, each in dense.module.state_dict().items())
    assert small.module.layer3[0].conv1.out_channels == 8
    assert len(small.units[LAYER]) == 8
    assert small.keep == 0.5
    assert small.input == dense.input
    assert set(small.whole) == {"conv1", "linear"}


def test_every_table_has_the_numbers_of_the_dense_network(
    seen: tuple[Dissection, Dissection], dense: LoadedNetwork, tmp_path: Path
) -> None:
    left = list(ps.prune(dense, structure="filters", keep=0.5).units[LAYER])
    assert left != list(range(8))  # else this test shows nothing
    layer = seen[1][LAYER]
    assert layer.units["unit"].tolist() == left
    assert layer.examples["unit"].tolist() == np.repeat(left, 2).tolist()
    assert {unit for units in layer.images["units"] for unit in units} <= set(left)
    assert layer.iou.index.tolist() == left
    assert layer.summary["unit_numbers"] == left
    assert "unit_numbers" not in seen[0][LAYER].summary

    seen[1].save(tmp_path / "D")
    again = ps.load(tmp_path / "D")[LAYER]
    assert again.units["unit"].tolist() == left
    exported = ps.export(tmp_path / "D", tmp_path / "units.csv")
    assert exported["unit"].tolist() == [unit + 1 for unit in left]


def test_units_are_paired_by_these_numbers(seen: tuple[Dissection, Dissection]) -> None:
    compared = ps.compare(*seen, iou=0.0)
    units = compared.layers[LAYER].units
    both = units.dropna(subset=["unit_a", "unit_b"])
    assert compared.layers[LAYER].match == "identity"
    assert not compared.warnings
    assert both["unit_a"].tolist() == both["unit_b"].tolist()
    assert both["unit_b"].tolist() == seen[1][LAYER].units["unit"].tolist()
    gone = units[units["unit_b"].isna()]
    assert len(gone) == 8
    assert set(gone["outcome"]) <= {"lost", "neither"}


def test_masks_are_asked_for_by_these_numbers(
    seen: tuple[Dissection, Dissection], dense: LoadedNetwork
) -> None:
    small, layer = ps.prune(dense, structure="filters", keep=0.5), seen[1][LAYER]
    left, image = layer.units["unit"].tolist(), np.zeros((32, 32, 3), np.uint8)
    image[8:20, 4:30] = 200
    every = layer.masks(small, image, left)[0]
    assert np.array_equal(layer.masks(small, image, left[-1])[0][0], every[-1])
    removed = next(unit for unit in range(16) if unit not in left)
    with pytest.raises(ConfigError, match=f"unit {removed} is asked for, but .* has 8 units left"):
        layer.masks(small, image, removed)


def test_numbers_of_another_network_are_refused() -> None:
    for wrong in ([0, 1], [0, 2, 2], [2, 1, 0], [-1, 0, 1]):
        with pytest.raises(DataError, match="said to be left"):
            unit_numbers("conv", wrong, 3)


def test_a_mask_of_weights_is_refused_for_filters(dense: LoadedNetwork) -> None:
    with pytest.raises(ConfigError, match="mask is of single weights"):
        ps.prune(dense, structure="filters", keep=0.5, mask={})
