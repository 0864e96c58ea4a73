"""Are counts at other quantiles those of dissections at these quantiles?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from prunescope import dissect, load
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts.protocol import Annotation
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from ranks import in_parallel

PLAIN = {"resolution": 8, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "batch_size": 5}
COUNTS = ("interpretable", "concepts")
MAIN, OTHERS = 0.05, (0.3, 0.01, 0.1)


@pytest.fixture
def many(painted):
    """Pictures of coloured noise, labelled by what is red and green, and as wholes."""
    source = np.random.default_rng(0)
    pictures = tuple(source.integers(0, 256, (8, 8, 3), np.uint8) for _ in range(12))
    planes = [
        np.where(picture[:, :, 0] > 200, 3, np.where(picture[:, :, 1] > 200, 5, 0))
        for picture in pictures
    ]
    annotations = tuple(
        Annotation(planes=plane[None].astype(np.int32), whole=(9,) if index % 3 == 0 else ())
        for index, plane in enumerate(planes)
    )
    return replace(painted, pictures=pictures, annotations=annotations)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2))


def check_each(found, network, many, **settings):
    """Check every row of the tables against a dissection at its quantile alone."""
    for name, layer in found.layers.items():
        for quantile in OTHERS:
            alone = dissect(network, name, many, quantile=quantile, **PLAIN | settings)[name]
            rows = layer.quantiles[layer.quantiles["quantile"] == quantile]
            assert rows["unit"].tolist() == alone.units["unit"].tolist()
            assert rows["threshold"].tolist() == alone.units["threshold"].tolist()
            names = dict(
                zip(alone.overlap.label_numbers.tolist(), alone.overlap.label_names, strict=True)
            )
            for category in settings.get("categories", ("color", "part")):
                assert np.array_equal(
                    rows[f"{category}_iou"], alone.units[f"{category}_iou"], equal_nan=True
                )
                told = [names.get(label) for label in rows[f"{category}_label"].astype(object)]
                there = alone.units[f"{category}_label"].astype(object)
                assert told == there.where(there.notna(), None).tolist()
            [at] = layer.quantile_curve(0.05).query("quantile == @quantile").to_dict("records")
            counts = alone.counts(0.05)
            assert [at[key] for key in COUNTS] == [counts[key] for key in COUNTS]


@pytest.mark.parametrize("convention", ["exact", "quick", "netdissect", "lite"])
@pytest.mark.parametrize("memory", ["1GiB", 0], ids=["one pass", "two passes"])
def test_other_quantiles_count_what_they_count_alone(network, many, memory, convention):
    how = {"convention": convention, "split": None, "memory": memory, **PLAIN}
    found = dissect(network, ["1", "2"], many, quantile=MAIN, quantiles=OTHERS, **how)
    check_each(found, network, many, convention=convention)
    main = dissect(network, ["1", "2"], many, quantile=MAIN, **how)
    for name, layer in found.layers.items():
        pd.testing.assert_frame_equal(layer.units, main[name].units)
        pd.testing.assert_frame_equal(layer.images, main[name].images)
        pd.testing.assert_frame_equal(layer.examples, main[name].examples)
        assert layer.overlap.intersection.tobytes() == main[name].overlap.intersection.tobytes()


def test_categories_that_are_left_out_are_no_concepts_at_any_quantile(network, many):
    how = {"quantile": MAIN, "categories": ("part",), **PLAIN}
    found = dissect(network, "1", many, quantiles=OTHERS, **how)
    check_each(found, network, many, categories=("part",))


def test_processes_count_every_quantile_as_one_alone(network, many):
    wanted = DissectionSettings(layers=("1", "2"), quantile=MAIN, quantiles=OTHERS, **PLAIN)
    alone = dissect_layers(wanted, network, many)

    def share(ranks):
        torch.manual_seed(0)
        own = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2))
        own.load_state_dict(network.state_dict())
        return dissect_layers(wanted, own, many, ranks=ranks)

    for shared in in_parallel(share, 2):
        for name, layer in shared.layers.items():
            pd.testing.assert_frame_equal(layer.quantiles, alone[name].quantiles)


def test_the_curve_and_what_is_saved_are_of_all_quantiles(network, many, tmp_path):
    found = dissect(network, "1", many, quantile=MAIN, quantiles=OTHERS, **PLAIN)
    found.save(tmp_path / "D")
    opened = load(tmp_path / "D")
    curve = found["1"].quantile_curve()
    assert curve["quantile"].tolist() == [0.01, 0.05, 0.1, 0.3]
    assert curve["interpretable"].nunique() > 1
    pd.testing.assert_frame_equal(opened["1"].quantile_curve(), curve)
    assert opened.summary()["quantiles"] == curve.to_dict("records")
    assert found["1"].quantile_curve(1)["interpretable"].tolist() == [0] * 4
    alone = dissect(network, "1", many, quantile=MAIN, **PLAIN)
    assert alone["1"].quantile_curve() is None
    assert "quantiles" not in alone.summary()
    table = pd.read_parquet(tmp_path / "D/1/quantiles.parquet")
    table[table["quantile"] > 0.01].to_parquet(tmp_path / "D/1/quantiles.parquet")
    (tmp_path / "D/layers.json").unlink()
    with pytest.raises(DataError, match=r"quantiles.parquet is damaged: it is not of the quant"):
        load(tmp_path / "D")["1"].quantile_curve()


@pytest.mark.parametrize(
    ("quantiles", "message"),
    [
        ([0.01, 0.01], "quantiles names 0.01 more than once"),
        ([0.05], "quantiles names 0.05, which is the quantile itself"),
        ([0.995], r"quantile is 0.995, but .* probably 0.005 is meant"),
        ([0.0], "quantiles.0 is 0.0, but must be greater than 0"),
        ([1e-4], "12 images x 8 x 8 are 768 cells, too few for a quantile of 0.0001"),
        (["many"], "quantiles.0 is 'many', but must be a number"),
    ],
)
def test_quantiles_that_cannot_be_are_refused(network, many, quantiles, message):
    with pytest.raises(ConfigError, match=message):
        dissect(network, "1", many, quantile=MAIN, quantiles=quantiles, **PLAIN)
